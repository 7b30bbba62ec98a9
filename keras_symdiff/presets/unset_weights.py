"""Building a network whose weights are loaded next."""

import keras
import numpy as np

_INITIALIZERS = ("lecun_normal", "glorot_uniform", "orthogonal", "uniform", "zeros", "ones")


@keras.saving.register_keras_serializable(package="keras_symdiff")
class _Unset(keras.initializers.Initializer):
    """Zeros that cost nothing: made by NumPy, whereas JAX compiles each random initializer for each shape."""

    def __call__(self, shape, dtype=None):
        return np.zeros(shape, dtype)


def unset_weights() -> keras.saving.CustomObjectScope:
    """Builds networks without drawing initial weights, within a `with` block.

    Drawing them takes four times as long as all else that loading does.

    Example:
        >>> with unset_weights():
        ...     denoiser = TransformerDenoiser()
        >>> denoiser.set_weights(weights)
    """
    return keras.saving.CustomObjectScope(dict.fromkeys(_INITIALIZERS, _Unset))
