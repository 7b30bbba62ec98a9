"""Keras's dense layer, as fast as JAX can be."""

from typing import Any

import keras
from jaxtyping import Float
from keras import ops


@keras.saving.register_keras_serializable(package="keras_symdiff")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense` that multiplies the positions of all samples as rows of one matrix.

    Same weights, same numbers. The gradient of the kernel then sums over one axis. JAX would sum over two, for which
    XLA on a CPU copies the transposed gradient first, together with all sums that lead to it: a quarter of a training
    step of the paper's network (`benchmarks/README.md`). TensorFlow and PyTorch do the same by themselves. Without
    training, and so without gradients, the layer is Keras's, which ONNX can express.
    """

    def call(self, inputs: Float[Any, "*N D"], training: bool | None = None) -> Float[Any, "*N U"]:
        if not training or len(inputs.shape) < 3:
            return super().call(inputs, training=training)
        rows = super().call(ops.reshape(inputs, (-1, inputs.shape[-1])), training=training)
        return ops.reshape(rows, (*ops.shape(inputs)[:-1], self.units))

    def quantize(self, mode: Any = None, type_check: bool = True, **kwargs: Any) -> None:
        super().quantize(mode, type_check=False, **kwargs)  # Keras refuses children, which may compute something else
