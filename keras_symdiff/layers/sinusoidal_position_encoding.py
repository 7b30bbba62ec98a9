"""Sinusoidal encoding of positions."""

from typing import Any

import keras
from jaxtyping import Float
from keras import ops

from keras_symdiff.layers.sinusoidal_encoding import sinusoidal_encoding


@keras.saving.register_keras_serializable(package="keras_symdiff")
class SinusoidalPositionEncoding(keras.layers.Layer):
    """Sinusoidal encoding of the phrase positions 0, 1, 2, ...

    The layer returns the encoding only, in the shape of its input, so that it can be added to the input. Any length
    works; `D` must be even.

    Args:
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: tensor of shape `(B, L, D)`. Only its shape is read.

    Returns:
        Tensor of shape `(B, L, D)` with entries in [-1, 1], the same for each sample.

    Example:
        ```python
        x = keras.random.normal((2, 32, 128))
        x = x + SinusoidalPositionEncoding()(x)
        ```

    Reference:
        Mittal et al., Symbolic Music Generation with Diffusion Models (2021), section 3.1, equation 8.
    """

    def call(self, inputs: Float[Any, "B L D"]) -> Float[Any, "B L D"]:
        shape = ops.shape(inputs)
        positions = ops.arange(0, shape[1], dtype="float32")[:, None]  # (L, 1)
        encoding = sinusoidal_encoding(positions, inputs.shape[-1])  # (L, D)
        return ops.broadcast_to(ops.cast(encoding, self.compute_dtype), shape)  # (B, L, D)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()  # Keras guesses none where `dtype` is a policy
