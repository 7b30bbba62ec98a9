"""Building a network whose weights are loaded next."""

import contextvars
import math

import keras
import numpy as np

_INITIALIZERS = ("lecun_normal", "glorot_uniform", "orthogonal", "uniform", "zeros", "ones")
_OWN_NUMBERS = 1000  # of metrics and the like, which no file holds
_left: contextvars.ContextVar = contextvars.ContextVar("left", default=None)  # a list of how many numbers may be made


@keras.saving.register_keras_serializable(package="keras_symdiff")
class _Unset(keras.initializers.Initializer):
    """Zeros that cost nothing: made by NumPy, whereas JAX compiles each random initializer for each shape."""

    def __call__(self, shape, dtype=None):
        left = _left.get()
        if left is not None:
            left[0] -= math.prod(shape)
            if left[0] < 0:
                raise ValueError("A config describes as many weights as lie beside it. Received: more")
        return np.zeros(shape, dtype)


class UnsetWeights(keras.saving.CustomObjectScope):
    """Builds networks without drawing initial weights, within a `with` block.

    Drawing them takes four times as long as all else that loading does. A network of more weights than are loaded next
    raises a `ValueError`: no memory is taken for what a hostile config asks for.

    Args:
        most: Numbers that the weights have together.

    Example:
        >>> with UnsetWeights(sum(array.size for array in weights)):
        ...     denoiser = TransformerDenoiser()
        >>> denoiser.set_weights(weights)
    """

    def __init__(self, most: int):
        super().__init__(dict.fromkeys(_INITIALIZERS, _Unset))
        self.most = most

    def __enter__(self):
        self.token = _left.set([self.most + _OWN_NUMBERS])
        return super().__enter__()

    def __exit__(self, *args):
        _left.reset(self.token)
        return super().__exit__(*args)
