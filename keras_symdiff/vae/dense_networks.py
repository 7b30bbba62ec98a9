"""Encoder and decoder of a few matrix products over the whole phrase."""

from collections.abc import Sequence
from typing import Any

import keras
from jaxtyping import Float, Int
from keras import ops

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.layers.film_residual_block import FiLMResidualBlock
from keras_symdiff.vae.choose_token import choose_token

TOKEN_DIM = 16  # numbers that stand for a token
STEP_DIM = 64  # numbers from which the decoder tells a step's token
CONTEXT_STEPS = 16  # tokens before a step that the decoder looks back on: a bar


def dense_trunk(x: Float[Any, "B F"], units: Sequence[int], dtype: Any) -> Float[Any, "B U"]:
    """Residual blocks of `units` (a sequence of one and the same int) over features `(B, F)`.

    A phrase always has 32 steps at fixed places in the bar, so that its steps need no shared weights: on a CPU these
    networks learn in minutes what recurrent ones or transformers over the steps learn in hours
    (docs/results/attempts.md).
    """
    x = keras.layers.Dense(units[0], kernel_initializer="lecun_normal", dtype=dtype, name="widen")(x)
    for number, _ in enumerate(units):
        x = FiLMResidualBlock(dtype=dtype, name=f"block_{number}")(x)  # (B, units)
    return keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")(x)


def dense_summary(tokens: Int[Any, "B S"], units: Sequence[int], dtype: Any) -> Float[Any, "B U"]:
    """Summarises tokens.

    Args:
        tokens: Keras tensor (B, 32).
        units: sequence of int, all equal, one per residual block.
        dtype: policy of the layers.

    Returns:
        Keras tensor (B, units).
    """
    # Not an `Embedding`: on a GPU the gradient of a product is many times faster than that of a look-up of few rows.
    one_hot = ops.one_hot(tokens, NUM_TOKENS, dtype=dtype.compute_dtype)  # (B, 32, 90)
    x = keras.layers.Dense(TOKEN_DIM, use_bias=False, dtype=dtype, name="tokens_embedding")(one_hot)  # (B, 32, 16)
    return dense_trunk(keras.layers.Flatten(dtype=dtype, name="flatten")(x), units, dtype)


def step_features(latent_dim: int, units: Sequence[int], dtype: Any) -> keras.Model:
    """A Keras model that makes features of each step (B, 32, 64) from latents (B, Z)."""
    latents = keras.Input((latent_dim,), name="latents")
    x = dense_trunk(latents, units, dtype)
    x = keras.layers.Dense(PHRASE_STEPS * STEP_DIM, dtype=dtype, name="steps")(x)
    x = keras.layers.Reshape((PHRASE_STEPS, STEP_DIM), dtype=dtype, name="split")(x)
    return keras.Model(latents, x, name="network")


@keras.saving.register_keras_serializable(package="keras_symdiff")
class DenseDecoder(keras.Model):
    """Decodes each step of a phrase from the latent and the tokens of the bar before the step.

    The latent's part is computed for all steps at once. The tokens' part keeps a line together where the latent is
    inexact, as a diffusion model's are: steps that did not hear each other would leap between registers.

    Args:
        latent_dim: size Z of a latent.
        units: sequence of int, all equal, one per residual block.
    """

    def __init__(self, latent_dim: int, units: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.latent_dim = latent_dim
        self.units = tuple(units)
        dtype = self.dtype_policy
        self.network = step_features(latent_dim, units, dtype)
        self.embedding = keras.layers.Embedding(NUM_TOKENS, TOKEN_DIM, dtype=dtype, name="tokens_embedding")
        self.context = keras.layers.Conv1D(STEP_DIM, CONTEXT_STEPS, use_bias=False, dtype=dtype, name="context")
        self.logits = keras.layers.Dense(NUM_TOKENS, dtype=dtype, name="logits")

    def build(self, latent_shape: Sequence) -> None:
        self.embedding.build((None, PHRASE_STEPS))
        self.context.build((None, None, TOKEN_DIM))
        self.logits.build((None, None, STEP_DIM))
        self.built = True

    def teacher_forced(self, latents: Float[Any, "B Z"], tokens: Int[Any, "B S"], visible: Any) -> Float[Any, "B S T"]:
        """Logits (B, 32, 90) of each token given the true ones before it, but for those where `visible` is 0."""
        previous = self.embedding(tokens)  # (B, 32, 16)
        previous = previous * ops.cast(visible, self.compute_dtype)[:, :, None]
        previous = ops.pad(previous[:, :-1], [[0, 0], [CONTEXT_STEPS, 0], [0, 0]])
        return self.logits(ops.silu(self.network(latents) + self.context(previous)))

    def call(self, inputs: Sequence) -> Int[Any, "B S"]:
        """Decodes latents (B, Z) and scaled Gumbel noise (B, 32, 90) to tokens (B, 32), as `LSTMDecoder` does."""
        latents, gumbel = inputs
        features = self.network(latents)  # (B, 32, 64)

        def step(t, carry):
            tokens, previous = carry
            x = ops.silu(features[:, t] + self.context(previous)[:, 0])  # (B, 64)
            token, checked = choose_token(self.logits(x), gumbel[:, t])
            previous = ops.concatenate([previous[:, 1:], self.embedding(token[:, None])], axis=1)
            return ops.slice_update(tokens, (0, t), checked[:, None]), previous

        batch = ops.shape(latents)[0]
        tokens = ops.zeros((batch, PHRASE_STEPS), "int32")
        previous = ops.zeros((batch, CONTEXT_STEPS, TOKEN_DIM), self.compute_dtype)
        return ops.fori_loop(0, PHRASE_STEPS, step, (tokens, previous))[0]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"latent_dim": self.latent_dim, "units": self.units}
