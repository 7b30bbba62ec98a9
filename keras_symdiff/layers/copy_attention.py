"""Attention of noised phrases to their likely copies."""

import keras
import numpy as np
from keras import ops

_PRIOR_LOG_ODDS = -3.0  # of two phrases of a piece being one, before training: about 5 %
_SMALLEST_VARIANCE = 1e-8  # of noise, at level 1


@keras.saving.register_keras_serializable(package="keras_symdiff")
class CopyAttention(keras.layers.Layer):
    """Averages each noised phrase with those that are likely to be the same phrase under other noise.

    A third of the phrases of real melodies repeat an earlier one exactly, which a network must tell from noise to make
    such music. For Gaussian phrases the probability that two noised ones are equal has a closed form: with difference
    `d` in a dimension of standard deviation `v`, at level `a` with noise variance `s2 = 1 - a^2`, its log odds are

        log_odds[distance] + sum(0.5 log(1 + (a v)^2 / s2) - d^2 / 4 (a v)^2 / (s2 (s2 + (a v)^2)))

    Learned are `v` (per dimension) and the prior log odds by the distance of the two positions: the lengths after which
    music repeats. The mean of a phrase and its copies has less noise than the phrase. The layer works in float32
    whatever the dtype policy: at low noise it compares numbers that bfloat16 cannot tell apart.

    Args:
        initial_stddev: float. Standard deviation `v` before training. Defaults to `0.25`, about that of latents scaled
            to [-1, 1].
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        inputs: pair `(x_t, noise_level)`: noised latents of shape `(B, L, D)` and noise levels sqrt(alpha_bar) in
            [0, 1] of shape `(B, 1)`.

    Returns:
        float32 tensor of shape `(B, L, D + 1)`: the mean of each phrase and its likely copies, and
        log(1 + their expected number).

    Example:
        ```python
        features = CopyAttention()([x_t, noise_level])  # (B, 32, 42) and (B, 1) -> (B, 32, 43)
        ```
    """

    def __init__(self, initial_stddev=0.25, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.initial_stddev = initial_stddev

    def build(self, inputs_shape):
        (_, num_positions, channels), _ = inputs_shape
        self.log_stddev = self.add_weight(
            name="log_stddev",
            shape=(channels,),
            initializer=keras.initializers.Constant(float(np.log(self.initial_stddev))),
            dtype="float32",
        )
        self.log_odds = self.add_weight(
            name="log_odds",
            shape=(num_positions,),
            initializer=keras.initializers.Constant(_PRIOR_LOG_ODDS),
            dtype="float32",
        )
        self.built = True

    def call(self, inputs):
        x, level = (ops.cast(tensor, "float32") for tensor in inputs)
        level = level[:, :, None]  # (B, 1, 1)
        noise = (1.0 - level) * (1.0 + level) + _SMALLEST_VARIANCE  # (B, 1, 1)
        signal = ops.square(level * ops.exp(self.log_stddev))  # (B, 1, D)
        # |x_i - x_j|^2 by inner products; around the mean of the piece they lose fewer digits.
        scaled = (x - ops.mean(x, axis=1, keepdims=True)) * ops.sqrt(signal / (4.0 * noise * (noise + signal)))
        norm = ops.sum(ops.square(scaled), axis=-1, keepdims=True)  # (B, L, 1)
        turned = ops.transpose(scaled, (0, 2, 1))  # (B, D, L)
        distance = norm + ops.transpose(norm, (0, 2, 1)) - 2.0 * ops.matmul(scaled, turned)  # (B, L, L)
        evidence = 0.5 * ops.sum(ops.log1p(signal / noise), axis=-1, keepdims=True)  # (B, 1, 1)
        positions = np.arange(x.shape[1])
        apart = np.abs(positions[:, None] - positions)  # (L, L)
        odds = ops.take(self.log_odds, apart, axis=0) + evidence - distance
        copies = ops.where(ops.convert_to_tensor(apart > 0), ops.sigmoid(odds), 0.0)  # (B, L, L)
        number = ops.sum(copies, axis=-1, keepdims=True)  # (B, L, 1)
        mean = (x + ops.matmul(copies, x)) / (1.0 + number)  # (B, L, D)
        return ops.concatenate([mean, ops.log1p(number)], axis=-1)

    def get_config(self):
        return {**super().get_config(), "initial_stddev": self.initial_stddev}
