"""Trains one denoiser, or TransformerMDN, on the songs of a preset.

    python recipes/train_denoiser.py SONGS --vae RUN --preset songs -o RUN2 --steps 30000

SONGS is what prepare_songs.py wrote. JAX only: data and batches stay on the device. RUN2 holds all that `symdiff
sample` and `symdiff infill` need.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import click
import numpy as np

# Variants to choose from, as changes of the first.
VARIANTS = {
    "one_key": {},
    "all_keys": {"one_key": False},
    "no_copies": {"copies": False},
    "wide": {"embed_dim": 224, "mlp_dim": 896, "residual_dim": 640},
    "mdn": {},
}
_DENOISER = {"embed_dim": 192, "num_layers": 6, "num_heads": 8, "mlp_dim": 768, "num_residual_blocks": 2,
             "residual_dim": 512, "film_dim": 256, "copies": True}  # fmt: skip
_MDN: dict[str, Any] = {"embed_dim": 128, "num_layers": 4, "num_heads": 8, "mlp_dim": 512, "num_residual_blocks": 2,
        "residual_dim": 384, "num_mixtures": 16}  # fmt: skip
THRESHOLD = 0.9  # of kept latent dimensions
STEP_POWER = 2.0
GIVEN_SHARE = 0.4
WEIGHT_DECAY = 0.01
MOMENTUMS = (0.999, 0.9998)  # of the moving averages; the one of the least validation loss is kept
MDN_STEPS = 4000  # it overfits after that


def build(variant, channels, seed):
    """The model of a variant, without weights.

    Args:
        variant: a key of `VARIANTS`.
        channels: int, D.
        seed: int.

    Returns:
        `LatentDiffusion` or `LatentMDN`.
    """
    from keras_symdiff import LatentDiffusion, LatentMDN, TransformerDenoiser, TransformerMDN
    from keras_symdiff.music.condition import CONDITION_DIM

    if variant == "mdn":
        return LatentMDN(TransformerMDN(channels=channels, **_MDN), seed=seed)
    sizes = _DENOISER | {name: value for name, value in VARIANTS[variant].items() if name != "one_key"}
    denoiser = TransformerDenoiser(channels=channels, condition_dim=CONDITION_DIM, **sizes)
    return LatentDiffusion(denoiser, seed=seed, step_power=STEP_POWER, given_share=GIVEN_SHARE)


def loss_function(model, latents, conditions):
    """Makes a function of trainable and other weights that returns the validation loss.

    Args:
        model: compiled model.
        latents: scaled latents (P, 32, D).
        conditions: (P, 32, C), or `None` for a model that has none.

    Returns:
        Function `(weights, other weights) -> float`.
    """
    import jax

    arrays = [latents] if conditions is None else [latents, conditions]
    batches = model.validation_batches(*arrays)
    batches = [batches[index] for index in range(len(batches))]
    metrics = [v.value for v in model.metrics_variables]

    @jax.jit
    def loss_of(weights, other, batch):
        x, y = (*batch, None)[:2]
        loss, _ = model.stateless_compute_loss(weights, other, metrics, x=x, y=y, training=False)
        return loss

    batches = jax.device_put(batches)
    sizes = [len(jax.tree.leaves(batch)[0]) for batch in batches]

    def loss(weights, other):
        losses = [float(loss_of(weights, other, batch)) for batch in batches]
        return float(np.average(losses, weights=sizes))

    return loss


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--vae", "vae_run", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Run of train_vae.py.")  # fmt: skip
@click.option("--preset", type=click.Choice(["songs", "lakh"]), required=True)
@click.option("--variant", type=click.Choice(list(VARIANTS)), default="one_key", show_default=True)
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Run directory.")
@click.option("--steps", type=click.IntRange(1), help="Steps of the run.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop after so many seconds at the latest.")
@click.option("--batch-size", type=click.IntRange(1), default=128, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True)
@click.option(
    "--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="mixed_bfloat16", show_default=True
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--rehearse", is_flag=True, help="Few songs and steps per call: does it run?")
def main(songs, vae_run, preset, variant, output, steps, seconds, batch_size, learning_rate, precision, seed, rehearse):
    """Trains on the songs in the folder SONGS; the same command again goes on."""
    began = time.monotonic()
    import keras
    from device_training import DeviceTraining
    from pieces import KEYS, Pieces, device_data, draw_pieces, encode

    from keras_symdiff import LatentTransform, MusicVAE
    from keras_symdiff.constants import PIECE_PHRASES

    def say(text):
        print(f"{output.name} {time.monotonic() - began:6.1f} s {text}", flush=True)

    is_mdn, one_key = variant == "mdn", VARIANTS[variant].get("one_key", True)
    shortest = PIECE_PHRASES if is_mdn else 8
    train = Pieces.read(songs, preset, "train", one_key)
    held_out = Pieces.read(songs, preset, "validation", one_key)
    vae = MusicVAE.from_preset(vae_run)
    mean, stddev = encode(vae, train.tokens, (0,) if one_key else KEYS)  # (K, U, Z)
    size = mean.shape[-1]
    transform = LatentTransform.fit(mean.reshape(-1, size), stddev.reshape(-1, size), THRESHOLD)
    scaled = transform.forward(mean).astype("float16")
    say(f"{len(train.lengths)} runs, {len(train.tokens)} phrases, {transform.num_kept_dims} dimensions kept")

    rows, conditions = held_out.windows(shortest)
    (held_out_mean,), _ = encode(vae, held_out.tokens, (0,))
    validation = transform.forward(held_out_mean)[rows].astype("float32") * (rows >= 0)[:, :, None]
    keras.config.set_dtype_policy(precision)
    keras.config.disable_flash_attention()  # pays for long sequences
    keras.utils.set_random_seed(seed)
    model = build(variant, transform.num_kept_dims, seed)
    rate = 3e-4 if is_mdn else learning_rate
    model.compile(keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, global_clipnorm=1.0))
    model.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "log_stddev", "log_odds"])
    training = DeviceTraining(
        model,
        draw_pieces(batch_size, full=is_mdn),
        device_data(train, scaled, shortest),
        output,
        seed,
        steps_per_call=5 if rehearse else 100,
        momentums=MOMENTUMS,
    )
    losses = {"told": loss_function(model, validation, None if is_mdn else conditions)}
    if not is_mdn:
        bare = np.zeros_like(conditions)
        bare[:, :, 0] = conditions[:, :, 0]
        losses["not_told"] = loss_function(model, validation, bare)

    output.mkdir(parents=True, exist_ok=True)
    transform.save(output / "latent_transform.json")
    vae.save_preset(output, dtype="float16")
    train.write_what_ships(output)
    best = {"loss": np.inf}
    table = []

    def report(training):
        other = training.state[1]
        for momentum, weights in zip(MOMENTUMS, training.averages, strict=True):
            values = {name: loss(weights, other) for name, loss in losses.items()}
            mean_loss = float(np.mean(list(values.values())))
            table.append({"step": training.steps, "momentum": momentum, "train": training.loss} | values)
            say(table[-1])
            if mean_loss < best["loss"]:
                best.update(loss=mean_loss, **table[-1])
                training.assign(momentum)
                model.weights_origin = f"moving average (momentum {momentum}) after {training.steps} steps"
                model.save_preset(output, dtype="float16")

    if is_mdn and steps is None:
        steps = MDN_STEPS
    deadline = None if seconds is None else began + seconds
    training.run(steps, deadline, report, every=8 if is_mdn else 20)
    result = {
        "preset": preset,
        "variant": variant,
        "parameters": model.network.count_params(),
        "steps": training.steps,
        "batch_size": batch_size,
        "compile_seconds": training.compile_seconds,
        "steps_per_second": (training.steps - training.first_step) / max(training.seconds, 1e-9),
        "best": best,
        "validation": table,
        "pieces": len(rows),
    }
    (output / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    say({name: value for name, value in result.items() if name != "validation"})


if __name__ == "__main__":
    main()
