"""Encoder and decoder that take a phrase whole, in a few matrix products."""

import keras
from keras import ops

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.layers.film_residual_block import FiLMResidualBlock

TOKEN_DIM = 16  # numbers that the encoder reads of a token
STEP_DIM = 32  # numbers from which the decoder tells a step's token


def dense_trunk(x, units, dtype):
    """Residual blocks of `units` (a sequence of one and the same int) over features `(B, F)`.

    A phrase always has 32 steps at fixed places in the bar, so that its steps need no shared weights: on a CPU these
    networks learn in minutes what recurrent ones or transformers over the steps learn in hours (README).
    """
    x = keras.layers.Dense(units[0], kernel_initializer="lecun_normal", dtype=dtype, name="widen")(x)
    for number, _ in enumerate(units):
        x = FiLMResidualBlock(dtype=dtype, name=f"block_{number}")(x)  # (B, units)
    return keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")(x)


def dense_summary(tokens, units, dtype):
    """Summarises tokens.

    Args:
        tokens: Keras tensor (B, 32).
        units: sequence of int, all equal, one a residual block.
        dtype: policy of the layers.

    Returns:
        Keras tensor (B, units).
    """
    x = keras.layers.Embedding(NUM_TOKENS, TOKEN_DIM, dtype=dtype, name="tokens_embedding")(tokens)  # (B, 32, 16)
    return dense_trunk(keras.layers.Flatten(dtype=dtype, name="flatten")(x), units, dtype)


@keras.saving.register_keras_serializable(package="keras_symdiff")
class DenseDecoder(keras.Model):
    """Decodes all 32 steps of a phrase at once; each step's token depends on the latent alone.

    Args:
        latent_dim: int, size Z of a latent.
        units: sequence of int, all equal, one a residual block.
    """

    def __init__(self, latent_dim, units, **kwargs):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.units = tuple(units)
        dtype = self.dtype_policy
        latents = keras.Input((latent_dim,), name="latents")
        x = dense_trunk(latents, units, dtype)
        x = keras.layers.Dense(PHRASE_STEPS * STEP_DIM, activation="silu", dtype=dtype, name="steps")(x)
        x = keras.layers.Reshape((PHRASE_STEPS, STEP_DIM), dtype=dtype, name="split")(x)
        logits = keras.layers.Dense(NUM_TOKENS, dtype=dtype, name="logits")(x)
        self.network = keras.Model(latents, logits, name="network")

    def build(self, latent_shape):
        self.built = True

    def teacher_forced(self, latents, tokens, visible):
        """Logits (B, 32, 90) of each token; the true ones before it do not matter."""
        return self.network(latents)

    def call(self, inputs):
        """Decodes latents (B, Z) with Gumbel noise (B, 32, 90) already scaled by the temperature to tokens (B, 32)."""
        latents, gumbel = inputs
        return ops.cast(ops.argmax(ops.cast(self.network(latents), "float32") + gumbel, axis=-1), "int32")

    def get_config(self):
        return super().get_config() | {"latent_dim": self.latent_dim, "units": self.units}
