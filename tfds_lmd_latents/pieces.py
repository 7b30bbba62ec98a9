"""From the data set to what a diffusion model trains on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float32

from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.condition import CONDITION_DIM, Condition
from keras_symdiff.music.corpus import chroma_shares

_BATCH = 256
_FIRST_VERSION = "2.0.0"  # whose examples hold conditions


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


def pieces_dataset(dataset: Any, transform: LatentTransform, conditions: bool = False) -> Any:
    """Turns a split into scaled pieces, for `model.fit(pieces.shuffle(n).repeat().batch(64))`.

    Args:
        dataset: `tf.data.Dataset` of single examples, from `tfds.load`. Of `melodies`, all windows of 32 phrases
            without a rest phrase are made while reading.
        transform: `LatentTransform`, fitted on the train split.
        conditions: whether the model has a `condition_dim`. Defaults to `False`.

    Returns:
        `tf.data.Dataset` of float32 (32, D); with `conditions`, also of float32 (32, C), paired as `fit` takes them.

    Raises:
        ValueError: if an earlier version built the data set.
    """
    import tensorflow as tf

    _check_features(dataset.element_spec, "a data set without chroma")
    kept = transform.kept_dims
    center, half_range = (np.float32(values) for values in transform.center_and_half_range())

    def piece(example):
        scaled = (tf.gather(example["mean"], kept, axis=-1) - center) / half_range
        scaled = tf.ensure_shape(scaled, (PIECE_PHRASES, len(kept)))
        if not conditions:
            return scaled
        told = [example[name] for name in ("tokens", "chroma", "real_steps")]
        features = tf.numpy_function(_features, told, tf.float32, stateful=False)
        return ((scaled, tf.ensure_shape(features, (PIECE_PHRASES, CONDITION_DIM))),)

    def windows(example):
        rests_before = tf.cumsum(tf.cast(tf.reduce_all(example["tokens"] == 0, axis=-1), tf.int32))
        rests_before = tf.concat([[0], rests_before], axis=0)  # (L + 1,)
        starts = tf.where(rests_before[PIECE_PHRASES:] == rests_before[:-PIECE_PHRASES])  # (W, 1)
        rows = starts + tf.range(PIECE_PHRASES, dtype=tf.int64)
        parts: Any = {name: tf.gather(part, rows) for name, part in example.items()}
        return tf.data.Dataset.from_tensor_slices(parts)

    if dataset.element_spec["mean"].shape[0] is None:
        of_phrases = ("mean", "tokens", "chroma", "real_steps")
        dataset = dataset.filter(lambda example: tf.shape(example["tokens"])[0] >= PIECE_PHRASES)
        dataset = dataset.map(lambda example: {name: example[name] for name in of_phrases}).flat_map(windows)
    return dataset.map(piece, num_parallel_calls=tf.data.AUTOTUNE)


class Pieces:
    """Scaled pieces with random access and without TensorFlow, for `SeededBatches`, Grain and PyTorch's `DataLoader`.

    Args:
        source: a split of the data set from `tfds.data_source`. Of `melodies`, which are read through once to find
            them, all windows of 32 phrases without a rest phrase.
        transform: `LatentTransform`, fitted on the train split.
        conditions: whether the model has a `condition_dim`. Defaults to `False`.

    Raises:
        ValueError: if an earlier version built the data set.

    Example:
    ```text
    train = tfds.data_source("lmd_latents/pop909_sequences", split="train")
    pieces = tfds_lmd_latents.Pieces(train, transform)
    model.fit(SeededBatches(pieces, batch_size=64))
    model.fit(grain.MapDataset.source(pieces).seed(0).shuffle().batch(64))
    model.fit(torch.utils.data.DataLoader(pieces, batch_size=64, shuffle=True, num_workers=2))
    ```
    """

    def __init__(self, source: Any, transform: LatentTransform, conditions: bool = False):
        _check_features(source.dataset_info.features, source.dataset_info.full_name)
        self.source = source
        self.transform = transform
        self.conditions = conditions
        self.windows = None  # (W, 2): example, first phrase
        if source.dataset_info.features["mean"].shape[0] is None:
            self.windows = np.array(
                [(index, start) for index, example in enumerate(source) for start in _window_starts(example["tokens"])],
                dtype=np.int64,
            ).reshape(-1, 2)

    def __len__(self):
        return len(self.source) if self.windows is None else len(self.windows)

    def __getitem__(self, rows):
        """Reads one piece, or a batch of them.

        Args:
            rows: int, or int array (B,).

        Returns:
            Of an array, the batch: float32 (B, 32, D), or a pair of it and the conditions (B, 32, C). Of an int, one
            example as `fit` takes it from a loader: `(piece,)`, float32 (32, D), or `((piece, condition),)`.
        """
        if np.ndim(rows) == 0:
            example = tuple(part[0] for part in self._read(np.array([rows])))
            return (example,) if self.conditions else example
        batch = self._read(rows)
        return batch if self.conditions else batch[0]

    def _read(self, rows):
        """Pieces (B, 32, D) and, if they are wanted, conditions (B, 32, C), as a tuple."""
        examples, starts = np.asarray(rows), np.zeros(len(rows), np.int64)
        if self.windows is not None:
            examples, starts = self.windows[rows].T
        parts = []
        for index, start in zip(examples.tolist(), starts.tolist(), strict=True):
            example = self.source[index]  # not `__getitems__`, which starts a thread for every call
            phrases = slice(start, start + PIECE_PHRASES)
            parts.append({name: values[phrases] for name, values in example.items() if np.ndim(values) > 1})
        scaled = self.transform.forward(np.stack([part["mean"] for part in parts])).astype(np.float32)
        if not self.conditions:
            return (scaled,)
        return scaled, np.stack([_features(part["tokens"], part["chroma"], part["real_steps"]) for part in parts])


def _features(tokens, chroma, real_steps):
    """The condition of a piece as a network reads it, float32 array (32, C)."""
    return Condition.of(tokens, chroma_shares(chroma), real_steps).features()


def _check_features(features, name):
    if "chroma" not in features:
        raise ValueError(f"The data set must be of version {_FIRST_VERSION} or later: build it again. Received: {name}")


def _window_starts(tokens):
    """Where 32 phrases without a rest phrase start in the tokens (L, 32) of a melody, int array."""
    rests_before = np.concatenate([[0], np.cumsum(~tokens.any(axis=-1))])  # (L + 1,)
    return np.flatnonzero(rests_before[PIECE_PHRASES:] == rests_before[:-PIECE_PHRASES])
