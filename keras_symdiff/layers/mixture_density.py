"""Mixture density head."""

from collections.abc import Sequence
from typing import Any

import keras
from jaxtyping import Float
from keras import ops

from keras_symdiff.layers.dense import Dense


@keras.saving.register_keras_serializable(package="keras_symdiff")
class MixtureDensity(keras.layers.Layer):
    """Parameters of a mixture of diagonal Gaussians at each position.

    Args:
        num_mixtures: number of Gaussians, K.
        channels: dimensions of each Gaussian, C.
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: tensor of shape `(B, L, D)`.

    Returns:
        A tuple `(means, log_scales, logits)`: means and natural logarithms of standard deviations, each of shape
        `(B, L, K, C)`, and unnormalised log weights of shape `(B, L, K)`.

    Example:
        ```python
        means, log_scales, logits = MixtureDensity(num_mixtures=100, channels=42)(x)
        ```

    Reference:
        Bishop, Mixture Density Networks (1994); Mittal et al., Symbolic Music Generation with Diffusion Models (2021),
        section 4.2.
    """

    def __init__(self, num_mixtures: int, channels: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_mixtures = num_mixtures
        self.channels = channels
        dense = {"kernel_initializer": "lecun_normal", "dtype": self.dtype_policy}
        self.means_dense = Dense(num_mixtures * channels, name="means_dense", **dense)
        self.log_scales_dense = Dense(num_mixtures * channels, name="log_scales_dense", **dense)
        self.logits_dense = Dense(num_mixtures, name="logits_dense", **dense)

    def build(self, inputs_shape: Sequence) -> None:
        for layer in (self.means_dense, self.log_scales_dense, self.logits_dense):
            layer.build(inputs_shape)
        self.built = True

    def call(
        self, inputs: Float[Any, "B L D"]
    ) -> tuple[Float[Any, "B L K C"], Float[Any, "B L K C"], Float[Any, "B L K"]]:
        shape = (*ops.shape(inputs)[:-1], self.num_mixtures, self.channels)
        means = ops.reshape(self.means_dense(inputs), shape)  # (B, L, K, C)
        log_scales = ops.reshape(self.log_scales_dense(inputs), shape)  # (B, L, K, C)
        return means, log_scales, self.logits_dense(inputs)  # (B, L, K)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_mixtures": self.num_mixtures, "channels": self.channels}
