"""Attention of noised phrases to their likely copies."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from jaxtyping import Float
from keras import ops

from keras_symdiff.constants import PIECE_PHRASES

_PRIOR_LOG_ODDS = -3.0  # of two phrases of a piece being one, before training: about 5 %
_SMALLEST_VARIANCE = 1e-8  # of noise, at level 1
_SMALLEST_LEVEL = 1e-4  # estimates at level 0 would be infinite
_SMALLEST_LOG_ODDS = -30.0  # gradients below are 0, and not a quotient of infinities


@keras.saving.register_keras_serializable(package="keras_symdiff")
class CopyAttention(keras.layers.Layer):
    """Averages each noised phrase with those that are likely to be the same phrase under other noise.

    A third of the phrases of real melodies repeat an earlier one exactly, which a network must tell from noise to make
    such music. For Gaussian phrases the probability that two noised ones are equal has a closed form. A phrase noised
    to level `a` estimates the clean one as `x_t / a`, with noise of variance `(1 - a^2) / a^2`; with difference `d` of
    two estimates in a dimension of standard deviation `v`, and `n` the mean of their variances, the log odds are

        log_odds[distance] + sum(0.5 log(1 + v^2 / n) - d^2 / 4 v^2 / (n (n + v^2)))

    Learned are `v` (per dimension) and the prior log odds by the distance of the two positions: the lengths after which
    music repeats. Of a layer for any number of positions, distances of 31 and more share one prior. The mean of a
    phrase and its copies has less noise than the phrase; a given phrase has none. The layer works in float32 whatever
    the dtype policy: at low noise it compares numbers that bfloat16 cannot tell apart.

    Args:
        initial_stddev: standard deviation `v` before training. Defaults to `0.25`, about that of latents scaled
            to [-1, 1].
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        inputs: pair `(x_t, noise_level)`: noised latents of shape `(B, L, D)` and noise levels sqrt(alpha_bar) in
            [0, 1] of shape `(B, 1)` or `(B, L)`. An optional third tensor, bool, of shape `(B, 1 or L, L)` is True
            where the second phrase may be a copy of the first: False at padding.

    Returns:
        float32 tensor of shape `(B, L, D + 1)`: the mean of each phrase and its likely copies at the phrase's level,
        and log(1 + their weight beside the phrase's own): at equal levels, their expected number.

    Example:
        ```python
        features = CopyAttention()([x_t, noise_level])  # (B, 32, 42) and (B, 1) -> (B, 32, 43)
        ```
    """

    def __init__(self, initial_stddev: float = 0.25, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.initial_stddev = initial_stddev

    def build(self, inputs_shape: Sequence) -> None:
        _, num_positions, channels = inputs_shape[0]
        self.log_stddev = self.add_weight(
            name="log_stddev",
            shape=(channels,),
            initializer=keras.initializers.Constant(float(np.log(self.initial_stddev))),
            dtype="float32",
        )
        self.log_odds = self.add_weight(
            name="log_odds",
            shape=(num_positions or PIECE_PHRASES,),
            initializer=keras.initializers.Constant(_PRIOR_LOG_ODDS),
            dtype="float32",
        )
        self.built = True

    def call(self, inputs: Sequence) -> Float[Any, "B L E"]:
        x, level, *mask = inputs
        x, level = ops.cast(x, "float32"), ops.cast(level, "float32")
        level = ops.maximum(level, _SMALLEST_LEVEL)[:, :, None]  # (B, 1 or L, 1)
        estimate = x / level  # (B, L, D)
        noise = (1.0 - level) * (1.0 + level) / ops.square(level) + _SMALLEST_VARIANCE  # (B, 1 or L, 1)
        own, other = noise[:, :, None], noise[:, None]
        mean_noise = (own + other) / 2.0  # (B, 1 or L, 1 or L, 1)
        signal = ops.exp(2.0 * self.log_stddev)  # (D,)
        difference = estimate[:, :, None] - estimate[:, None]  # (B, L, L, D)
        distance = ops.square(difference) * (signal / (4.0 * mean_noise * (mean_noise + signal)))
        evidence = 0.5 * ops.sum(ops.log(1.0 + signal / mean_noise), axis=-1) - ops.sum(distance, axis=-1)  # (B, L, L)
        positions = ops.arange(0, ops.shape(x)[1])
        apart = ops.abs(positions[:, None] - positions)  # (L, L)
        # Not `ops.take`, which does not export to ONNX on PyTorch.
        farthest = self.log_odds.shape[0] - 1
        is_distance = ops.equal(ops.minimum(apart, farthest)[:, :, None], np.arange(farthest + 1))  # (L, L, farthest)
        log_odds = ops.sum(ops.cast(is_distance, "float32") * self.log_odds, axis=-1)  # (L, L)
        log_odds = ops.maximum(log_odds + evidence, _SMALLEST_LOG_ODDS)  # (B, L, L)
        # The copy's precision times its probability, beside the phrase's own precision.
        weight = 1.0 / (ops.exp(-log_odds) + (other / own)[..., 0])  # (B, L, L)
        others = apart > 0
        if mask:
            others = ops.logical_and(others, mask[0])  # (B, L, L)
        weight = ops.where(others, weight, 0.0)
        sum_of_weights = ops.sum(weight, axis=-1, keepdims=True)  # (B, L, 1)
        mean = level * (estimate + ops.matmul(weight, estimate)) / (1.0 + sum_of_weights)  # (B, L, D)
        return ops.concatenate([mean, ops.log(1.0 + sum_of_weights)], axis=-1)

    def compute_output_spec(self, inputs: Sequence) -> keras.KerasTensor:
        # Keras could not infer it where levels are of 1 or L positions.
        *positions, channels = inputs[0].shape
        return keras.KerasTensor((*positions, channels + 1), "float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_stddev": self.initial_stddev}
