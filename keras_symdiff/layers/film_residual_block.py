"""Residual block whose layer norms a FiLM generator may modulate."""

from collections.abc import Sequence
from typing import Any

import keras
from jaxtyping import Float
from keras import ops

from keras_symdiff.layers.dense import Dense


@keras.saving.register_keras_serializable(package="keras_symdiff")
class FiLMResidualBlock(keras.layers.Layer):
    """Two times layer norm, modulation, swish and dense, plus the input.

    One scale and shift modulate both layer norms. Without them the block is a plain residual block (scale 1, shift 0).
    The dense layers have as many units as the input has features.

    Args:
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: tensor of shape `(B, L, D)`.
        scale: tensor of shape `(B, 1, D)` or `(B, L, D)`, or `None` for 1.
        shift: tensor of shape `(B, 1, D)` or `(B, L, D)`, or `None` for 0. Given together with `scale`.

    Returns:
        Tensor of shape `(B, L, D)`.

    Raises:
        ValueError: if only one of `scale` and `shift` is given.

    Example:
        ```python
        scale, shift = FiLM(128)(NoiseLevelEncoding()(noise_level))
        y = FiLMResidualBlock()(x, scale, shift)  # (2, 32, 128)
        ```

    Reference:
        Mittal et al., Symbolic Music Generation with Diffusion Models (2021), section 3.1.
    """

    def build(
        self, inputs_shape: Sequence, scale_shape: Sequence | None = None, shift_shape: Sequence | None = None
    ) -> None:
        units = inputs_shape[-1]
        norm = {"epsilon": 1e-6, "dtype": self.dtype_policy}
        dense = {"kernel_initializer": "lecun_normal", "dtype": self.dtype_policy}
        self.norm_1 = keras.layers.LayerNormalization(name="norm_1", **norm)
        self.dense_1 = Dense(units, name="dense_1", **dense)
        self.norm_2 = keras.layers.LayerNormalization(name="norm_2", **norm)
        self.dense_2 = Dense(units, name="dense_2", **dense)
        for layer in (self.norm_1, self.dense_1, self.norm_2, self.dense_2):
            layer.build(inputs_shape)
        self.built = True

    def call(
        self,
        inputs: Float[Any, "... D"],
        scale: Float[Any, "... D"] | None = None,
        shift: Float[Any, "... D"] | None = None,
    ) -> Float[Any, "... D"]:
        if (scale is None) != (shift is None):
            raise ValueError(
                f"`scale` and `shift` must be given together or not at all. Received: scale={scale}, shift={shift}"
            )
        x = self.norm_1(inputs)
        if scale is not None:
            x = scale * x + shift
        x = self.dense_1(ops.silu(x))
        x = self.norm_2(x)
        if scale is not None:
            x = scale * x + shift
        x = self.dense_2(ops.silu(x))
        return inputs + x  # (B, L, D)

    def compute_output_shape(
        self, inputs_shape: Sequence, scale_shape: Sequence | None = None, shift_shape: Sequence | None = None
    ) -> Sequence:
        return inputs_shape  # Keras could not infer it where `scale` is of 1 or L positions

    def get_config(self) -> dict[str, Any]:
        return super().get_config()  # Keras guesses none where `dtype` is a policy
