"""Sinusoidal encoding of a continuous noise level."""

from typing import Any

import keras
from jaxtyping import Float
from keras import ops

from keras_symdiff.layers.sinusoidal_encoding import sinusoidal_encoding


@keras.saving.register_keras_serializable(package="keras_symdiff")
class NoiseLevelEncoding(keras.layers.Layer):
    """Sinusoidal encoding of a continuous noise level.

    The position encoding of the paper, of the "position" `scale * noise_level`. The layer works in float32 whatever
    the dtype policy: rounding a level to bfloat16 moves `scale * noise_level` by up to 10 radians.

    Args:
        dim: size of the encoding, even. Defaults to `128`.
        scale: factor of the noise level. Defaults to `5000.0`.
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        noise_level: float tensor of shape `(..., 1)`, sqrt(alpha_bar) in [0, 1].

    Returns:
        float32 tensor of shape `(..., dim)` with entries in [-1, 1].

    Raises:
        ValueError: if `dim` is not a positive even number.

    Example:
        ```python
        encoding = NoiseLevelEncoding()(keras.ops.array([[0.1], [0.9]]))  # (2, 128)
        ```

    Reference:
        Mittal et al., Symbolic Music Generation with Diffusion Models (2021), section 3.1, "Noise schedule and
        conditioning".
    """

    def __init__(self, dim: int = 128, scale: float = 5000.0, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        if dim < 2 or dim % 2:
            raise ValueError(f"`dim` must be a positive even number. Received: dim={dim}")
        self.dim = dim
        self.scale = scale

    def call(self, noise_level: Float[Any, "*N 1"]) -> Float[Any, "*N E"]:
        noise_level = ops.cast(noise_level, "float32")  # (..., 1)
        return sinusoidal_encoding(self.scale * noise_level, self.dim)  # (..., dim)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dim": self.dim, "scale": self.scale}
