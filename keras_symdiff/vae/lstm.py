"""Keras's LSTM, with PyTorch's fused kernel on the CPU too."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` that is as fast on PyTorch's CPU as PyTorch is.

    Keras uses the fused LSTM of PyTorch on CUDA only and walks step by step on a CPU. The fused kernel (oneDNN) trains
    about 3 times faster there in float32, 5 times in bfloat16 (`benchmarks/README.md`). Same weights, same numbers,
    for Keras's default activations and without dropout, all that MusicVAE uses.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        # PyTorch only: the other backends compile the whole loop.
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
