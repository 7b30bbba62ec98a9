"""The paper's autoregressive baseline."""

from typing import Any, Self

import keras
from keras import ops

from keras_symdiff.constants import NUM_KEPT_DIMS, PIECE_PHRASES
from keras_symdiff.layers.dense import Dense
from keras_symdiff.layers.film_residual_block import FiLMResidualBlock
from keras_symdiff.layers.mixture_density import MixtureDensity
from keras_symdiff.layers.sinusoidal_position_encoding import SinusoidalPositionEncoding
from keras_symdiff.layers.transformer_block import TransformerBlock


@keras.saving.register_keras_serializable(package="keras_symdiff")
class TransformerMDN(keras.Model):
    """Predicts each latent of a sequence from the latents before it, as a mixture of diagonal Gaussians.

    The trunk of `TransformerDenoiser` with causal attention and without noise conditioning. The model shifts its input
    right by one position, zeros first, so that the output at position l has seen positions 0 .. l - 1 only. The
    defaults are the paper's sizes: 38,050,484 parameters.

    Args:
        num_positions: int or `None`. Phrases of a sequence, L; `None` takes any length. Defaults to `32`.
        channels: int. Latent dimensions of a phrase, C. Defaults to `42`.
        num_mixtures: int. Gaussians of a mixture, K. Defaults to `100`.
        embed_dim: even. Features of the transformer. Defaults to `128`.
        num_layers: int. Transformer blocks. Defaults to `6`.
        num_heads: int. Attention heads; must divide `embed_dim`. Defaults to `8`.
        mlp_dim: int. Hidden units of the transformer blocks. Defaults to `2048`.
        num_residual_blocks: int. Residual blocks. Defaults to `2`.
        residual_dim: int. Units of the residual blocks. Defaults to `2048`.
        dtype: dtype policy of all layers. Defaults to Keras's global policy.
        name: string. Name of the model.
        trainable: bool. Whether the weights may be trained. Defaults to `True`.

    Call arguments:
        inputs: latents of shape `(B, L, C)`, not shifted.

    Returns:
        A tuple `(means, log_scales, logits)`: means and natural logarithms of standard deviations, each of shape
        `(B, L, K, C)`, and unnormalised log weights of shape `(B, L, K)`.

    Example:
        ```python
        means, log_scales, logits = TransformerMDN()(keras.random.normal((2, 32, 42)))
        ```

    Reference:
        Mittal et al., Symbolic Music Generation with Diffusion Models (2021), section 4.2.
    """

    def __init__(
        self,
        num_positions: int | None = PIECE_PHRASES,
        channels: int = NUM_KEPT_DIMS,
        num_mixtures: int = 100,
        embed_dim: int = 128,
        num_layers: int = 6,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        num_residual_blocks: int = 2,
        residual_dim: int = 2048,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,  # no **kwargs: a functional model would swallow unknown keys in silence
    ):
        # Layers. They stay in locals: a functional model takes no attributes before `super().__init__`.
        policy = keras.dtype_policies.get(dtype)
        dense = {"kernel_initializer": "lecun_normal", "dtype": policy}
        input_dense = Dense(embed_dim, name="input_dense", **dense)
        position_encoding = SinusoidalPositionEncoding(name="position_encoding", dtype=policy)
        transformer_blocks = [
            TransformerBlock(num_heads, mlp_dim, causal=True, name=f"transformer_block_{i}", dtype=policy)
            for i in range(num_layers)
        ]
        transformer_norm = keras.layers.LayerNormalization(epsilon=1e-6, name="transformer_norm", dtype=policy)
        residual_dense = Dense(residual_dim, name="residual_dense", **dense)
        residual_blocks = [
            FiLMResidualBlock(name=f"residual_block_{i}", dtype=policy) for i in range(num_residual_blocks)
        ]
        output_norm = keras.layers.LayerNormalization(epsilon=1e-6, name="output_norm", dtype=policy)
        mixture_density = MixtureDensity(num_mixtures, channels, name="mixture_density", dtype=policy)

        # Graph.
        latents = keras.Input((num_positions, channels), dtype="float32", name="latents")  # (B, L, C)
        x = ops.pad(latents, [[0, 0], [1, 0], [0, 0]])[:, :-1]  # (B, L, C)
        x = input_dense(x)  # (B, L, embed_dim)
        x = x + position_encoding(x)
        for transformer_block in transformer_blocks:
            x = transformer_block(x)
        x = residual_dense(transformer_norm(x))  # (B, L, residual_dim)
        for residual_block in residual_blocks:
            x = residual_block(x)
        mixture = mixture_density(output_norm(x))  # (B, L, K, C), (B, L, K, C), (B, L, K)
        super().__init__(inputs=latents, outputs=mixture, name=name, trainable=trainable)

        # Config.
        self.dtype_policy = policy
        self.num_positions = num_positions
        self.channels = channels
        self.num_mixtures = num_mixtures
        self.embed_dim = embed_dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.num_residual_blocks = num_residual_blocks
        self.residual_dim = residual_dim

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "num_positions": self.num_positions,
            "channels": self.channels,
            "num_mixtures": self.num_mixtures,
            "embed_dim": self.embed_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "num_residual_blocks": self.num_residual_blocks,
            "residual_dim": self.residual_dim,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)
