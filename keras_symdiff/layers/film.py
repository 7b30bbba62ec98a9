"""Generator of feature-wise linear modulations."""

from collections.abc import Sequence
from typing import Any

import keras
from jaxtyping import Float
from keras import ops

from keras_symdiff.layers.dense import Dense


@keras.saving.register_keras_serializable(package="keras_symdiff")
class FiLM(keras.layers.Layer):
    """Turns a conditioning vector into the scale and shift of a feature-wise linear modulation.

    Two dense layers with a swish between them, then one dense layer each for scale and shift. It runs once per sample,
    or once per position where each has its own conditioning.

    Args:
        units: number of features to modulate.
        hidden_dim: units of the two hidden layers. Defaults to `512`.
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        conditioning: tensor of shape `(B, E)` or `(B, L, E)`, such as the output of `NoiseLevelEncoding`.

    Returns:
        A tuple `(scale, shift)` of tensors of shape `(B, 1, units)`, which broadcast over positions, or
        `(B, L, units)`.

    Example:
        ```python
        scale, shift = FiLM(2048)(NoiseLevelEncoding()(noise_level))
        ```

    Reference:
        Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer (2018); Mittal et al., Symbolic Music
        Generation with Diffusion Models (2021), section 3.1.
    """

    def __init__(self, units: int, hidden_dim: int = 512, **kwargs: Any):
        super().__init__(**kwargs)
        self.units = units
        self.hidden_dim = hidden_dim
        dense = {"kernel_initializer": "lecun_normal", "dtype": self.dtype_policy}
        self.hidden_dense_1 = Dense(hidden_dim, activation="swish", name="hidden_dense_1", **dense)
        self.hidden_dense_2 = Dense(hidden_dim, name="hidden_dense_2", **dense)
        self.scale_dense = Dense(units, name="scale_dense", **dense)
        self.shift_dense = Dense(units, name="shift_dense", **dense)

    def build(self, conditioning_shape: Sequence) -> None:
        self.hidden_dense_1.build(conditioning_shape)
        hidden_shape = (*conditioning_shape[:-1], self.hidden_dim)
        self.hidden_dense_2.build(hidden_shape)
        self.scale_dense.build(hidden_shape)
        self.shift_dense.build(hidden_shape)
        self.built = True

    def call(
        self, conditioning: Float[Any, "B E"] | Float[Any, "B L E"]
    ) -> tuple[Float[Any, "B L D"], Float[Any, "B L D"]]:
        x = self.hidden_dense_2(self.hidden_dense_1(conditioning))  # (B, hidden_dim) or (B, L, hidden_dim)
        if len(x.shape) == 2:
            x = ops.expand_dims(x, axis=1)  # (B, 1, hidden_dim)
        return self.scale_dense(x), self.shift_dense(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "hidden_dim": self.hidden_dim}
