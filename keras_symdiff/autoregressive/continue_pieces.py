"""New pieces from a trained autoregressive baseline."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from jaxtyping import Float, Float32
from keras import ops

from keras_symdiff.autoregressive.cached_step import cached_step, empty_cache
from keras_symdiff.autoregressive.mixture import draw_from_mixture
from keras_symdiff.check_finite import check_finite
from keras_symdiff.constants import PIECE_PHRASES
from keras_symdiff.noise_streams import Purpose, noise_streams


def continue_pieces(
    model: keras.Model,
    prefix: Float[np.ndarray, "B P C"],
    seed: int = 0,
    first_piece: int = 0,
    temperature: float = 1.0,
    batch_size: int = 100,
    progress: Callable[[int, int], Any] | None = None,
) -> Float32[np.ndarray, "B L C"]:
    """Continues pieces phrase by phrase; a prefix of no phrases gives new pieces.

    Each position costs one pass over one position. What is returned is what later positions were conditioned on (the
    released sampler redraws every position after the last step). A piece depends on its prefix, `seed` and its index
    only: not on the backend or `batch_size`, up to float32 rounding.

    Args:
        model: a `LatentMDN` or a `TransformerMDN`.
        prefix: scaled latents of the first P phrases of each piece, `0 <= P <= L`.
        seed: at least 0. Defaults to `0`.
        first_piece: index of the first piece among those of the seed. Defaults to `0`.
        temperature: above 0; divides the logits of the mixture and multiplies its variances. Defaults to `1.0`, the
            paper's.
        batch_size: greatest number of pieces made at once. Defaults to `100`.
        progress: function of the number of pieces done and of all pieces.

    Returns:
        Scaled latents, `prefix` unchanged at their beginning.

    Raises:
        ValueError: If `prefix` does not fit the model, a number is out of range, or the model gives what is not finite.

    Example:
    ```python
    model = keras_symdiff.LatentMDN.from_preset("lakh_small")
    latents = continue_pieces(model, np.zeros((2, 0, model.mdn.channels)), seed=1)  # (2, 32, channels)
    ```

    Reference:
        - [Mittal et al., 2021](https://arxiv.org/abs/2103.16091), section 4.2.
    """
    mdn = getattr(model, "mdn", model)
    length = mdn.num_positions or PIECE_PHRASES
    prefix = np.asarray(prefix, dtype=np.float32)  # (B, P, C)
    if prefix.ndim != 3 or not len(prefix) or prefix.shape[1] > length or prefix.shape[2] != mdn.channels:
        raise ValueError(
            f"`prefix` must have shape (B, P, {mdn.channels}) with B >= 1 and P <= {length}. "
            f"Received: shape {prefix.shape}"
        )
    check_finite("`prefix`", prefix)
    if not (temperature > 0 and np.isfinite(temperature)):
        raise ValueError(f"`temperature` must be finite and above 0. Received: temperature={temperature}")
    if batch_size < 1 or min(seed, first_piece) < 0:
        raise ValueError(
            "`batch_size` must be at least 1, `seed` and `first_piece` at least 0. "
            f"Received: batch_size={batch_size}, seed={seed}, first_piece={first_piece}"
        )
    process = _autoregressive_process(mdn)
    given = np.pad(prefix, ((0, 0), (0, length - prefix.shape[1]), (0, 0)))  # (B, L, C)
    num_batches = -(-len(given) // batch_size)
    batch = -(-len(given) // num_batches)  # batches as even as can be, the last one filled up
    given = np.pad(given, ((0, num_batches * batch - len(given)), (0, 0), (0, 0)))
    pieces = []
    for first in range(0, len(given), batch):
        streams = noise_streams(seed, range(first_piece + first, first_piece + first + batch), Purpose.AUTOREGRESSIVE)
        draws = [_draw(stream, length, mdn) for stream in streams]
        inputs = {
            "given": given[first : first + batch],
            "is_given": np.tile(np.arange(length) < prefix.shape[1], (batch, 1)),  # (B, L)
            "gumbel": np.stack([gumbel for gumbel, _ in draws]),  # (B, L, K)
            "normal": np.stack([normal for _, normal in draws]),  # (B, L, C)
            "temperature": np.full((batch, 1), temperature, dtype=np.float32),
        }
        pieces.append(ops.convert_to_numpy(process.predict_on_batch(inputs)))
        check_finite("Generated latents", pieces[-1])
        if progress is not None:
            progress(min(first + batch, len(prefix)), len(prefix))
    return np.concatenate(pieces)[: len(prefix)]


def _draw(stream, length, mdn):
    gumbel = stream.gumbel(size=(length, mdn.num_mixtures)).astype(np.float32)
    return gumbel, stream.standard_normal((length, mdn.channels), dtype=np.float32)


class _AutoregressiveProcess(keras.Model):
    """Gives the sampler Keras's compiled `predict_on_batch`, which takes weights as arguments on every backend."""

    def __init__(self, mdn):
        super().__init__(dtype="float32", name="autoregressive_process")  # inputs stay in float32 under any policy
        self.mdn = mdn
        self.built = True

    def call(self, inputs):
        given = inputs["given"]  # (B, L, C)
        batch_size, length = ops.shape(given)[0], given.shape[1]
        temperature = inputs["temperature"]  # (B, 1)

        def step(index, state):
            pieces, cache = state
            previous = ops.where(index > 0, pieces[:, ops.maximum(index - 1, 0)], 0.0)  # (B, C)
            means, log_scales, logits, cache = cached_step(self.mdn, previous, cache, index)
            drawn = draw_from_mixture(
                means, log_scales, logits, inputs["gumbel"][:, index], inputs["normal"][:, index], temperature
            )  # (B, C)
            here = (ops.arange(length) == index)[None, :, None] & ~inputs["is_given"][:, :, None]  # (B, L, 1)
            return ops.where(here, drawn[:, None], pieces), cache

        pieces, _ = ops.fori_loop(0, length, step, (given, empty_cache(self.mdn, batch_size, length)))
        return pieces  # (B, L, C)


# The compiled function lives with the wrapper: kept, so that the next call does not compile again.
@functools.lru_cache(maxsize=2)
def _autoregressive_process(mdn):
    return _AutoregressiveProcess(mdn)
