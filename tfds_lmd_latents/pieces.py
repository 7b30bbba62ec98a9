"""From the data set to what a diffusion model trains on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float32

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.latents.latent_transform import LatentTransform

_BATCH = 256


def check_encoder(builder: Any, vae: Any) -> None:
    """Makes sure that a data set was encoded by the MusicVAE that is to decode.

    Args:
        builder: TFDS builder of a prepared `lmd_latents`.
        vae: `MusicVAE`.

    Raises:
        ValueError: if it was another.
    """
    if builder.info.metadata["encoder_fingerprint"] != vae.fingerprint():
        raise ValueError(
            f"Data set and model must have one encoder. Received: {builder.info.full_name}, "
            f"encoded by {builder.info.metadata['encoder']}, which is not this MusicVAE"
        )


def posteriors(examples: Any) -> Iterator[tuple[Float32[np.ndarray, "N Z"], Float32[np.ndarray, "N Z"]]]:
    """Reads the posteriors of all phrases, for `LatentTransform.fit_batches`.

    Args:
        examples: a split of the data set, from `tfds.load` or `tfds.data_source`.

    Yields:
        Tuples of mean and stddev, float32 arrays (N, Z), with the phrases of up to 256 examples.
    """
    if hasattr(examples, "as_numpy_iterator"):
        examples = examples.as_numpy_iterator()
    means, stddevs = [], []
    for example in examples:
        means.append(example["mean"])
        stddevs.append(example["stddev"])
        if len(means) == _BATCH:
            yield np.concatenate(means), np.concatenate(stddevs)
            means, stddevs = [], []
    if means:
        yield np.concatenate(means), np.concatenate(stddevs)


def pieces_dataset(dataset: Any, transform: LatentTransform) -> Any:
    """Turns a split into scaled pieces, for `model.fit(pieces.shuffle(n).repeat().batch(64))`.

    Args:
        dataset: `tf.data.Dataset` of single examples, from `tfds.load`. Of `melodies`, all windows of 32 phrases
            without a rest phrase are made while reading.
        transform: `LatentTransform`, fitted on the train split.

    Returns:
        `tf.data.Dataset` of float32 (32, D).
    """
    import tensorflow as tf

    kept = transform.kept_dims
    center, half_range = (np.float32(values) for values in transform.center_and_half_range())

    def scale(example):
        return (tf.gather(example["mean"], kept, axis=-1) - center) / half_range  # (L, D)

    def windows(example):
        rests_before = tf.cumsum(tf.cast(tf.reduce_all(example["tokens"] == 0, axis=-1), tf.int32))
        rests_before = tf.concat([[0], rests_before], axis=0)  # (L + 1,)
        starts = tf.where(rests_before[PIECE_PHRASES:] == rests_before[:-PIECE_PHRASES])  # (W, 1)
        return tf.data.Dataset.from_tensor_slices(
            tf.gather(scale(example), starts + tf.range(PIECE_PHRASES, dtype=tf.int64))
        )

    if dataset.element_spec["mean"].shape[0] is None:
        dataset = dataset.filter(lambda example: tf.shape(example["tokens"])[0] >= PIECE_PHRASES)
        return dataset.flat_map(windows).map(lambda piece: tf.ensure_shape(piece, (PIECE_PHRASES, len(kept))))
    return dataset.map(scale, num_parallel_calls=tf.data.AUTOTUNE)


class Pieces:
    """Scaled pieces with random access and without TensorFlow, as `SeededBatches` reads them.

    Args:
        source: a split of the data set from `tfds.data_source`. Of `melodies`, which are read through once to find
            them, all windows of 32 phrases without a rest phrase.
        transform: `LatentTransform`, fitted on the train split.

    Example:
    ```text
    train = tfds.data_source("lmd_latents/pop909_sequences", split="train")
    pieces = tfds_lmd_latents.Pieces(train, transform)
    model.fit(SeededBatches(pieces, batch_size=64))
    ```
    """

    def __init__(self, source: Any, transform: LatentTransform):
        self.source = source
        self.transform = transform
        self.windows = None  # (W, 2): example, first phrase
        if source.dataset_info.features["mean"].shape[0] is None:
            self.windows = np.array(
                [(index, start) for index, example in enumerate(source) for start in _window_starts(example["tokens"])],
                dtype=np.int64,
            ).reshape(-1, 2)

    def __len__(self):
        return len(self.source) if self.windows is None else len(self.windows)

    def __getitem__(self, rows):
        """Returns the pieces of an int array (B,), float32 (B, 32, D)."""
        if self.windows is None:
            means = [example["mean"] for example in self.source.__getitems__([int(row) for row in rows])]
        else:
            windows = self.windows[rows].tolist()
            examples = self.source.__getitems__([example for example, _ in windows])
            means = [
                example["mean"][start : start + PIECE_PHRASES]
                for example, (_, start) in zip(examples, windows, strict=True)
            ]
        return self.transform.forward(np.stack(means)).astype(np.float32)


def _window_starts(tokens):
    """Where 32 phrases without a rest phrase start in the tokens (L, 32) of a melody, int array."""
    rests_before = np.concatenate([[0], np.cumsum(~tokens.any(axis=-1))])  # (L + 1,)
    return np.flatnonzero(rests_before[PIECE_PHRASES:] == rests_before[:-PIECE_PHRASES])
