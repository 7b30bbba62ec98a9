"""The decoder of MusicVAE."""

from collections.abc import Sequence
from typing import Any

import keras
from jaxtyping import Float, Int
from keras import ops

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.vae.choose_token import choose_token
from keras_symdiff.vae.dense_networks import STEP_DIM, step_features
from keras_symdiff.vae.lstm import LSTM


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LSTMDecoder(keras.Model):
    """Autoregressive LSTM decoder: every step sees the previous token and the latent.

    The initial states of all layers come from `tanh(z W + b)`; the first previous token is all zeros.

    Args:
        latent_dim: size Z of a latent.
        units: sequence of int, LSTM units of each layer.
        trunk_units: sequence of int, all equal. Where there are any, every step sees not the latent but its own
            features, made from the latent by so many residual blocks of these units. Defaults to `()`, Magenta's.
    """

    def __init__(self, latent_dim: int, units: Sequence[int], trunk_units: Sequence[int] = (), **kwargs: Any):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.units = tuple(units)
        self.trunk_units = tuple(trunk_units)
        self.trunk = step_features(latent_dim, self.trunk_units, self.dtype_policy) if trunk_units else None
        self.initial_state = keras.layers.Dense(
            2 * sum(units), activation="tanh", dtype=self.dtype_policy, name="initial_state"
        )
        self.lstms = [
            LSTM(n, return_sequences=True, dtype=self.dtype_policy, name=f"lstm_{i}") for i, n in enumerate(units)
        ]
        self.logits = keras.layers.Dense(NUM_TOKENS, dtype=self.dtype_policy, name="logits")

    def build(self, latent_shape: Sequence) -> None:
        self.initial_state.build((None, self.latent_dim))
        width = NUM_TOKENS + (STEP_DIM if self.trunk_units else self.latent_dim)
        for lstm, units in zip(self.lstms, self.units, strict=True):
            lstm.build((None, PHRASE_STEPS, width))
            width = units
        self.logits.build((None, None, width))
        self.built = True

    def _initial_states(self, latents):
        """The (h, c) of each layer, in Keras's order; Magenta's projection holds c before h."""
        flat = self.initial_state(latents)  # (B, 2 * sum(units))
        states, start = [], 0
        for units in self.units:
            c, h = flat[:, start : start + units], flat[:, start + units : start + 2 * units]
            states.append([h, c])
            start += 2 * units
        return states

    def _step_inputs(self, latents):
        """What the first layer sees of latents (B, Z) in each step: (B, 32, Z or 64)."""
        if self.trunk is not None:
            return self.trunk(latents)
        return ops.repeat(latents[:, None], PHRASE_STEPS, axis=1)

    def teacher_forced(self, latents: Float[Any, "B Z"], tokens: Int[Any, "B S"], visible: Any) -> Float[Any, "B S T"]:
        """Logits (B, 32, 90) of each token given the true ones before it, but for those where `visible` is 0."""
        latents = ops.cast(latents, self.compute_dtype)
        previous = ops.one_hot(tokens, NUM_TOKENS, dtype=self.compute_dtype)  # (B, 32, 90)
        previous = previous * ops.cast(visible, self.compute_dtype)[:, :, None]
        previous = ops.pad(previous[:, :-1], [[0, 0], [1, 0], [0, 0]])
        x = ops.concatenate([previous, self._step_inputs(latents)], axis=-1)
        for lstm, state in zip(self.lstms, self._initial_states(latents), strict=True):
            x = lstm(x, initial_state=state)  # (B, 32, units)
        return self.logits(x)

    def call(self, inputs: Sequence) -> Int[Any, "B S"]:
        """Decodes step by step, so that `predict_on_batch` compiles the whole loop.

        Args:
            inputs: latents (B, Z) and Gumbel noise (B, 32, 90) already scaled by the temperature.

        Returns:
            int32 tokens (B, 32), -1 where logits are not finite.
        """
        latents, gumbel = inputs
        latents = ops.cast(latents, self.compute_dtype)
        batch = ops.shape(latents)[0]
        cells = [lstm.cell for lstm in self.lstms]
        # What the latent adds to the gates of the first layer is known before the first step, and the previous token
        # adds a row of the kernel; no token precedes the first step.
        inputs = self.trunk(latents) if self.trunk is not None else latents[:, None]  # (B, 32 or 1, F)
        of_latent = ops.matmul(inputs, cells[0].kernel[NUM_TOKENS:]) + cells[0].bias  # (B, 32 or 1, 4 * units)
        of_latent = ops.broadcast_to(of_latent, (batch, PHRASE_STEPS, 4 * self.units[0]))
        of_token = ops.pad(cells[0].kernel[:NUM_TOKENS], [[0, 1], [0, 0]])  # (91, 4 * units)
        recurrent = [_product_with(cell.recurrent_kernel) for cell in cells]
        onward = [(_product_with(layer.kernel), layer.bias) for layer in [*cells[1:], self.logits]]

        def step(t, carry):
            tokens, previous, states = carry
            x = of_latent[:, t] + ops.take(of_token, previous, axis=0)  # (B, 4 * units)
            next_states = []
            for from_state, (to_next, bias), (h, c) in zip(recurrent, onward, states, strict=True):
                i, f, candidate, o = ops.split(x + from_state(h), 4, axis=-1)  # (B, units) each
                c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(candidate)
                h = ops.sigmoid(o) * ops.tanh(c)
                next_states.append([h, c])
                x = to_next(h) + bias  # the gates of the next layer, (B, 4 * units); at last the logits, (B, 90)
            token, checked = choose_token(x, gumbel[:, t])
            return ops.slice_update(tokens, (0, t), checked[:, None]), token, next_states

        tokens = ops.zeros((batch, PHRASE_STEPS), "int32")
        carry = (tokens, ops.full((batch,), NUM_TOKENS, "int32"), self._initial_states(latents))
        return ops.fori_loop(0, PHRASE_STEPS, step, carry)[0]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "latent_dim": self.latent_dim,
            "units": self.units,
            "trunk_units": self.trunk_units,
        }


def _product_with(kernel):
    """The function `x -> x @ kernel`, for a kernel that many products without gradients share."""
    kernel = ops.convert_to_tensor(kernel)
    if keras.backend.backend() == "torch" and kernel.device.type == "cpu" and kernel.dtype.itemsize == 4:
        # PyTorch multiplies float32 by MKL, which reaches less than half of an AMD processor, and packs the kernel anew
        # each time. oneDNN, by the operators that torch.compile uses, decodes twice as fast (`benchmarks/README.md`).
        import torch

        if torch.backends.mkldnn.is_available():
            packed = _packed(kernel)
            return lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")
    return lambda x: ops.matmul(x, kernel)


def _packed(kernel):
    """The kernel as oneDNN wants it, kept beside it until PyTorch's count of its changes moves on.

    To pack the kernels of the published size anew for each batch takes a third as long as to decode 32 phrases.
    """
    import torch

    state = None if kernel.is_inference() else (kernel.data_ptr(), kernel._version)
    kept = getattr(kernel, "_symdiff_packed", None)
    if kept is None or state is None or kept[0] != state:
        kept = state, torch.ops.mkldnn._reorder_linear_weight(kernel.detach().T.contiguous(), None)
        kernel._symdiff_packed = kept
    return kept[1]
