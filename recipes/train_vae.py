"""Trains one MusicVAE on the phrases of all presets' songs.

    python recipes/train_vae.py SONGS -o RUN --steps 9150

SONGS is what prepare_songs.py wrote. JAX only: data and batches stay on the device.
"""

import json
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import click
import numpy as np

# Networks to choose from.
_LSTM = {"networks": "lstm", "latent_dim": 64, "encoder_units": 256, "decoder_units": (512,), "token_dropout": 0.25}
NETWORKS = {
    "lstm": _LSTM | {"kl_weight": 0.1},
    "lstm_fewer_nats": _LSTM | {"kl_weight": 0.2},
    "lstm_wide": _LSTM | {"kl_weight": 0.1, "encoder_units": 384, "decoder_units": (768,)},
    "dense": _LSTM | {
        "networks": "dense", "encoder_units": 512, "decoder_units": (512, 512, 512), "kl_weight": 0.06,
    },
    "dense_lstm": _LSTM | {
        "networks": "dense_lstm", "encoder_units": 512, "decoder_units": (512, 512, 512), "kl_weight": 0.06,
    },
}  # fmt: skip
DECODER_NOISE = 3.0  # posterior standard deviations, when the decoder alone is trained on
TRANSPOSITION = 5  # semitones up and down
CROSSED = 0.25  # share of phrases that end as another does
SHORT_BARS = 0.05  # share of phrases whose bars become bars of three quarters, filled up with silence
MEASURED = 4096  # held-out phrases that a report measures


def read_phrases(folder, split):
    """The distinct phrases of a split, of all archives below a folder, by archive."""
    phrases = {}
    for path in sorted(Path(folder).glob(f"*_{split}.npz")):
        with np.load(path, allow_pickle=False) as archive:
            tokens = archive["tokens"]
            if split == "train":
                tokens = np.concatenate([tokens, archive["a_bar_later"]])
        phrases[path.stem.removesuffix(f"_{split}")] = tokens[(tokens > 1).any(axis=1)]
    return phrases


def draw_phrases(batch_size):
    """Makes the function that draws a batch of phrases, as `vae.train` augments them, on the device."""
    import jax
    import jax.numpy as jnp

    from keras_symdiff.constants import FIRST_ONSET, NUM_TOKENS, PHRASE_STEPS

    def draw(tokens, key):
        keys = jax.random.split(key, 5)
        chosen = tokens[jax.random.randint(keys[0], (2, batch_size), 0, len(tokens))].astype("int32")  # (2, B, 32)
        steps = jnp.arange(PHRASE_STEPS)
        crossing = 8 * jax.random.randint(keys[1], (batch_size, 1), 1, 4)
        crossing = jnp.where(jax.random.uniform(keys[2], (batch_size, 1)) < CROSSED, crossing, PHRASE_STEPS)
        x = jnp.where(steps >= crossing, chosen[1], chosen[0])
        shortened = jax.random.uniform(keys[3], (batch_size, 1)) < SHORT_BARS
        x = jnp.where(shortened & (steps % 16 >= 12), 0, x)
        onsets = x >= FIRST_ONSET
        lowest = jnp.min(jnp.where(onsets, x, NUM_TOKENS), axis=1, keepdims=True)
        highest = jnp.max(jnp.where(onsets, x, 0), axis=1, keepdims=True)
        semitones = jax.random.randint(keys[4], (batch_size, 1), -TRANSPOSITION, TRANSPOSITION + 1)
        semitones = jnp.clip(semitones, jnp.minimum(FIRST_ONSET - lowest, 0), jnp.maximum(NUM_TOKENS - 1 - highest, 0))
        return (jnp.where(onsets, x + semitones, x),)

    return draw


def measure(vae, folder, known, most=MEASURED):
    """Reconstruction of the validation phrases that are not in `known`, by archive and of all."""
    from keras_symdiff.vae.reconstruction import reconstruction_metrics

    known = {phrase.tobytes() for phrase in known}
    unseen = {
        archive: np.array([phrase for phrase in tokens if phrase.tobytes() not in known], np.int8)
        for archive, tokens in read_phrases(folder, "validation").items()
    }
    share = min(1.0, most / sum(map(len, unseen.values())))
    stream = np.random.default_rng(0)
    unseen = {
        a: tokens[stream.permutation(len(tokens))[: int(share * len(tokens)) + 1]] for a, tokens in unseen.items()
    }
    tokens = np.concatenate(list(unseen.values()))
    mean, stddev = vae.encode(tokens)
    decoded = vae.decode(mean)
    kl = 0.5 * np.sum(mean**2 + stddev**2 - 1 - 2 * np.log(stddev), axis=1)
    ends = np.cumsum([len(part) for part in unseen.values()])
    by_archive = {
        archive: reconstruction_metrics(tokens[end - len(part) : end], decoded[end - len(part) : end])
        for end, (archive, part) in zip(ends, unseen.items(), strict=True)
    }
    noisy = mean + 2.0 * stddev * np.random.default_rng(1).standard_normal(mean.shape).astype("float32")
    return {
        "phrases": len(tokens),
        **reconstruction_metrics(tokens, decoded),
        "exact_two_deviations_off": reconstruction_metrics(tokens, vae.decode(noisy))["exact_phrases"],
        "kl_nats": float(kl.mean()),
        "kept_dims_at_0.9": int((stddev.mean(axis=0) < 0.9).sum()),
        "archives": by_archive,
    }


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Run directory.")
@click.option("--network", type=click.Choice(list(NETWORKS)), default="lstm_fewer_nats", show_default=True)
@click.option("--decoder-of", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Train the decoder of this run alone, on latents with noise.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1), help="Steps of the run.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop after so many seconds at the latest.")
@click.option("--batch-size", type=click.IntRange(1), default=1024, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=3e-3, show_default=True)
@click.option(
    "--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="mixed_bfloat16", show_default=True
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--rehearse", is_flag=True, help="Tiny networks and few measured phrases: does it run?")
def main(songs, output, network, decoder_of, steps, seconds, batch_size, learning_rate, precision, seed, rehearse):
    """Trains a MusicVAE on the training phrases in the folder SONGS; the same command again goes on."""
    began = time.monotonic()
    import keras
    from device_training import DeviceTraining

    from keras_symdiff import MusicVAE

    train = np.unique(np.concatenate(list(read_phrases(songs, "train").values())), axis=0)
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
    if decoder_of is None:
        config = NETWORKS[network] | {"kl_rate": 0.9995, "seed": seed}
        if rehearse:
            config |= {"encoder_units": 16, "decoder_units": (16,) * len(config["decoder_units"])}
        vae = MusicVAE(**config)
    else:
        vae = MusicVAE.from_preset(decoder_of, decoder_noise=DECODER_NOISE, kl_rate=0.0, seed=seed)
    vae.encoder.trainable = decoder_of is None
    vae.compile(keras.optimizers.Adam(learning_rate, global_clipnorm=1.0))
    training = DeviceTraining(
        vae, draw_phrases(batch_size), train, output, seed, steps_per_call=10 if rehearse else 50, momentums=(0.999,)
    )

    def report(training):
        line = training.history[-1]
        print(f"{output.name} {time.monotonic() - began:6.1f} s {line}", flush=True)

    deadline = None if seconds is None else began + seconds
    training.run(steps, deadline, report, every=15)
    training.assign(momentum=0.999)
    vae.encoder.trainable = True  # or the weights would be saved in another order
    vae.save_preset(output, dtype="float16")  # as presets ship it
    taken = training.steps - training.first_step
    result = {
        "network": network if decoder_of is None else f"decoder of {decoder_of.name}",
        "parameters": vae.encoder.count_params() + vae.decoder.count_params(),
        "steps": training.steps,
        "batch_size": batch_size,
        "compile_seconds": training.compile_seconds,
        "steps_per_second": taken / max(training.seconds, 1e-9),
        "loss": training.loss,
    }
    (output / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{output.name} saved after {time.monotonic() - began:.1f} s: {result}", flush=True)
    keras.config.set_dtype_policy("float32")
    result |= measure(MusicVAE.from_preset(output), songs, train, 256 if rehearse else MEASURED)
    (output / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{output.name} measured after {time.monotonic() - began:.1f} s: {result}", flush=True)


if __name__ == "__main__":
    main()
