"""Training a MusicVAE on a collection of melodies."""

import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import PHRASE_STEPS
from keras_symdiff.music.transpose import transpose
from keras_symdiff.training.run_directory import RunDirectory
from keras_symdiff.training.seeded_batches import SeededBatches
from keras_symdiff.vae.music_vae import MusicVAE
from keras_symdiff.vae.reconstruction import ReconstructionMetrics

HELD_OUT = 512  # phrases that measure every epoch
TRANSPOSITION = 5  # semitones up and down, Magenta's augmentation
CROSSINGS = (8, 16, 24)  # steps of a phrase from which another may go on


@keras.saving.register_keras_serializable(package="keras_symdiff")
class MagentaDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Magenta's learning rate: `(initial - 1e-5) * 0.9999 ** step + 1e-5`.

    Args:
        initial: the learning rate of the first step.
    """

    def __init__(self, initial: float):
        self.initial = initial

    def __call__(self, step: Any) -> Any:
        return (self.initial - 1e-5) * keras.ops.power(0.9999, keras.ops.cast(step, "float32")) + 1e-5

    def get_config(self) -> dict[str, Any]:
        return {"initial": self.initial}


def split_phrases(
    tokens: Int[np.ndarray, "N 32"], validation: Int[np.ndarray, "M 32"] | None = None
) -> tuple[Int[np.ndarray, "T 32"], Int[np.ndarray, "V 32"]]:
    """Separates training from held-out phrases.

    Args:
        tokens: integer array (N, 32), distinct phrases.
        validation: integer array (M, 32) of phrases to hold out, or `None` to hold out every hundredth by its hash.

    Returns:
        `(train, held_out)`: no held-out phrase stands in `train`.
    """
    if validation is None:
        remainders = np.array([zlib.crc32(phrase.tobytes()) % 100 for phrase in tokens])
        chosen = remainders == remainders.min()  # 0, but for a few hundred phrases, of which some are held out too
        return tokens[~chosen], tokens[chosen]
    known = {phrase.tobytes() for phrase in validation}
    return tokens[[phrase.tobytes() not in known for phrase in tokens]], validation


def cross(tokens: Int[np.ndarray, "N 32"], share: float, stream: np.random.Generator) -> Int[np.ndarray, "N 32"]:
    """Lets phrases end as others do: more different phrases than a small collection has.

    Args:
        tokens: integer array (N, 32).
        share: float in [0, 1], how many of them.
        stream: `numpy.random.Generator`.

    Returns:
        An array like `tokens`: from step 8, 16 or 24 on, a chosen phrase has the tokens of any of the others.
    """
    first = stream.choice(CROSSINGS, len(tokens))
    first[stream.random(len(tokens)) >= share] = PHRASE_STEPS
    others = tokens[stream.integers(0, len(tokens), len(tokens))]
    return np.where(np.arange(PHRASE_STEPS) >= first[:, None], others, tokens)


def train_vae(
    vae: MusicVAE,
    train: Int[np.ndarray, "N 32"],
    held_out: Int[np.ndarray, "M 32"],
    run_folder: str | Path,
    options: dict[str, Any],
    epochs: int,
    steps: int,
    batch_size: int = 512,
    learning_rate: float = 1e-3,
    crossed: float = 0.0,
    seed: int = 0,
) -> None:
    """Trains with Magenta's recipe: Adam, decay of 0.9999 per step, clipping, transposition by -5..+5 semitones.

    Dense networks learn in so few steps that their rate decays to zero along a cosine over the whole run.

    Args:
        vae: `MusicVAE`.
        train: integer array (N, 32) of phrases.
        held_out: integer array (M, 32) of phrases; a fixed choice of 512 measures every epoch.
        run_folder: path; a killed run goes on from there.
        options: JSON-able dict, see `RunDirectory`.
        epochs: int.
        steps: batches per epoch.
        batch_size: int. Defaults to 512.
        learning_rate: at the first step. Defaults to 1e-3.
        crossed: float in [0, 1], share of phrases that `cross` changes. Defaults to 0.
        seed: for order and transposition; the initial weights are those of `vae`.
    """
    if not len(train) or not len(held_out):
        raise ValueError(
            f"Training needs phrases, and others to hold out. Received: {len(train)} and {len(held_out)} phrases"
        )
    decay = MagentaDecay(learning_rate)
    if vae.networks == "dense":
        decay = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * steps)
        options = options | {"epochs": epochs}  # which now decides every step
    run = RunDirectory(run_folder, options | {"data": zlib.crc32(train.tobytes())})
    vae.encoder.trainable = vae.decoder_noise is None
    vae.compile(keras.optimizers.Adam(decay, global_clipnorm=1.0))

    def augment(tokens, stream):
        tokens = cross(tokens, crossed, stream)
        return transpose(tokens, stream.integers(-TRANSPOSITION, TRANSPOSITION + 1, len(tokens)))

    batches = SeededBatches(train, batch_size, steps, seed, augment)
    chosen = np.random.default_rng(0).permutation(len(held_out))[:HELD_OUT]
    run.fit(vae, batches, epochs, callbacks=[ReconstructionMetrics(held_out[chosen])])
    vae.encoder.trainable = True  # or the weights would be saved in another order
    vae.save_preset(run_folder)
