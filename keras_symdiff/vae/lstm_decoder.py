"""The decoder of MusicVAE."""

import keras
from keras import ops

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.vae.lstm import LSTM


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LSTMDecoder(keras.Model):
    """Autoregressive LSTM decoder: every step sees the previous token and the latent.

    The initial states of all layers come from `tanh(z W + b)`; the first previous token is all zeros.

    Args:
        latent_dim: int, size Z of a latent.
        units: sequence of int, LSTM units of each layer.
    """

    def __init__(self, latent_dim, units, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.units = tuple(units)
        self.initial_state = keras.layers.Dense(
            2 * sum(units), activation="tanh", dtype=self.dtype_policy, name="initial_state"
        )
        self.lstms = [
            LSTM(n, return_sequences=True, dtype=self.dtype_policy, name=f"lstm_{i}") for i, n in enumerate(units)
        ]
        self.logits = keras.layers.Dense(NUM_TOKENS, dtype=self.dtype_policy, name="logits")

    def build(self, latent_shape):
        self.initial_state.build((None, self.latent_dim))
        width = NUM_TOKENS + self.latent_dim
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

    def teacher_forced(self, latents, tokens, visible):
        """Logits (B, 32, 90) of each token given the true ones before it, but for those where `visible` is 0."""
        latents = ops.cast(latents, self.compute_dtype)
        previous = ops.one_hot(tokens, NUM_TOKENS, dtype=self.compute_dtype)  # (B, 32, 90)
        previous = previous * ops.cast(visible, self.compute_dtype)[:, :, None]
        previous = ops.pad(previous[:, :-1], [[0, 0], [1, 0], [0, 0]])
        repeated = ops.repeat(latents[:, None], PHRASE_STEPS, axis=1)  # (B, 32, Z)
        x = ops.concatenate([previous, repeated], axis=-1)
        for lstm, state in zip(self.lstms, self._initial_states(latents), strict=True):
            x = lstm(x, initial_state=state)  # (B, 32, units)
        return self.logits(x)

    def call(self, inputs):
        """Decodes step by step, so that `predict_on_batch` compiles the whole loop.

        Args:
            inputs: latents (B, Z) and Gumbel noise (B, 32, 90) already scaled by the temperature.

        Returns:
            int32 tokens (B, 32).
        """
        latents, gumbel = inputs
        batch = ops.shape(latents)[0]

        def step(t, carry):
            tokens, previous, states = carry
            x = ops.concatenate([previous, latents], axis=-1)  # (B, 90 + Z)
            next_states = []
            for lstm, state in zip(self.lstms, states, strict=True):
                x, state = lstm.cell(x, state)  # (B, units)
                next_states.append(state)
            token = ops.argmax(ops.cast(self.logits(x), "float32") + gumbel[:, t], axis=-1)  # (B,)
            token = ops.cast(token, "int32")
            tokens = ops.slice_update(tokens, (0, t), token[:, None])
            return tokens, ops.one_hot(token, NUM_TOKENS, dtype=self.compute_dtype), next_states

        latents = ops.cast(latents, self.compute_dtype)
        tokens = ops.zeros((batch, PHRASE_STEPS), "int32")
        previous = ops.zeros((batch, NUM_TOKENS), self.compute_dtype)
        carry = (tokens, previous, self._initial_states(latents))
        return ops.fori_loop(0, PHRASE_STEPS, step, carry)[0]

    def get_config(self):
        return super().get_config() | {"latent_dim": self.latent_dim, "units": self.units}
