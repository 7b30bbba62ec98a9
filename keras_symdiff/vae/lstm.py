"""Keras's LSTM, as fast as PyTorch and JAX can be."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` with the fused kernel of PyTorch's CPU, and with one product for all inputs on JAX.

    Keras uses the fused LSTM of PyTorch on CUDA only and walks step by step on a CPU. The fused kernel (oneDNN) trains
    about 3 times faster there in float32, 5 times in bfloat16 (`benchmarks/README.md`). On JAX, Keras multiplies each
    step's input by the kernel inside the loop; here all steps are multiplied before it, and the cell stays in float32.
    Same weights, same numbers, for Keras's default activations and without dropout, all that MusicVAE uses.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(units, **kwargs)
        if keras.backend.backend() == "jax":
            self.use_cudnn = False  # JAX's binding of cuDNN has no bfloat16, and `Bidirectional` asks for it

    def inner_loop(self, sequences: Any, initial_state: Sequence, mask: Any, training: bool | None = False) -> tuple:
        if keras.backend.backend() == "jax" and mask is None:
            return self._scan(sequences, initial_state)
        if keras.backend.backend() != "torch" or mask is not None or ops.convert_to_tensor(sequences).is_cuda:
            return super().inner_loop(sequences, initial_state, mask, training)
        import torch

        kernel = ops.convert_to_tensor(self.cell.kernel)  # gates i, f, c, o, the order of PyTorch
        recurrent_kernel = ops.convert_to_tensor(self.cell.recurrent_kernel)
        bias = ops.convert_to_tensor(self.cell.bias)
        if self.go_backwards:
            sequences = torch.flip(sequences, dims=[1])
        outputs, h, c = torch.lstm(
            sequences.to(kernel.dtype),
            [state.to(kernel.dtype)[None] for state in initial_state],
            [kernel.T.contiguous(), recurrent_kernel.T.contiguous(), bias, torch.zeros_like(bias)],
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        last_output = outputs[:, -1]
        return last_output, outputs if self.return_sequences else last_output[:, None], [h[0], c[0]]

    def _scan(self, sequences, initial_state):
        import jax
        import jax.numpy as jnp

        dtype = self.compute_dtype
        recurrent_kernel = jnp.asarray(self.cell.recurrent_kernel, dtype)
        if self.go_backwards:
            sequences = jnp.flip(sequences, axis=1)
        inputs = jnp.asarray(sequences, dtype) @ jnp.asarray(self.cell.kernel, dtype)  # (B, T, 4 * units)
        inputs = jnp.swapaxes(inputs + jnp.asarray(self.cell.bias, dtype), 0, 1)
        h, c = initial_state

        def step(state, x):
            h, c = state
            i, f, candidate, o = jnp.split((x + h @ recurrent_kernel).astype("float32"), 4, axis=-1)  # (B, units) each
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(candidate)
            h = (jax.nn.sigmoid(o) * jnp.tanh(c)).astype(dtype)
            return (h, c), h if self.return_sequences else None

        (h, c), outputs = jax.lax.scan(step, (jnp.asarray(h, dtype), jnp.asarray(c, "float32")), inputs, unroll=4)
        outputs = h[:, None] if outputs is None else jnp.swapaxes(outputs, 0, 1)
        return h, outputs, [h, c.astype(dtype)]
