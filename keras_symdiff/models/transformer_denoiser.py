"""The paper's denoising network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import keras
from keras import ops

from keras_symdiff.constants import NUM_KEPT_DIMS, PIECE_PHRASES
from keras_symdiff.layers.copy_attention import CopyAttention
from keras_symdiff.layers.dense import Dense
from keras_symdiff.layers.film import FiLM
from keras_symdiff.layers.film_residual_block import FiLMResidualBlock
from keras_symdiff.layers.noise_level_encoding import NoiseLevelEncoding
from keras_symdiff.layers.sinusoidal_position_encoding import SinusoidalPositionEncoding
from keras_symdiff.layers.transformer_block import TransformerBlock
from keras_symdiff.music.condition import CONDITION_DIM, PARTS


def _may_be_equal(plan):
    """Whether a plan `(B, L, L + 1)` of repeats makes two phrases one, or does not tell: `(B, L, L)`, bool."""
    earliest, told = plan[:, :, :-1], plan[:, :, -1:]
    equal, both_told = (ops.matmul(x, ops.transpose(x, (0, 2, 1))) for x in (earliest, told))
    return equal > both_told - 0.5


@keras.saving.register_keras_serializable(package="keras_symdiff")
class TransformerDenoiser(keras.Model):
    """Predicts the noise in a sequence of noised latents from the sequence and its noise level.

    A transformer over phrase positions, then residual blocks which a FiLM generator each modulates by the noise level.
    The defaults are the paper's sizes: 25,579,946 parameters.

    Args:
        num_positions: int or `None`. Phrases of a sequence, L; `None` takes any length. Defaults to `32`.
        channels: int. Latent dimensions of a phrase, D. Defaults to `42`.
        embed_dim: even. Features of the transformer. Defaults to `128`.
        num_layers: int. Transformer blocks. Defaults to `6`.
        num_heads: int. Attention heads; must divide `embed_dim`. Defaults to `8`.
        mlp_dim: int. Hidden units of the transformer blocks. Defaults to `2048`.
        num_residual_blocks: int. FiLM residual blocks. Defaults to `2`.
        residual_dim: int. Units of the residual blocks. Defaults to `2048`.
        noise_embed_dim: even. Size of the noise level's encoding. Defaults to `128`.
        film_dim: int. Hidden units of the FiLM generators. Defaults to `512`.
        copies: bool. Whether the transformer and the residual blocks are also given `CopyAttention` of the input, which
            the paper's network does not have: small networks learn to repeat phrases with it. Defaults to `False`.
        condition_dim: int or `None`. Features of the condition of a phrase, C, which the paper's network does not have
            (`music.condition`). Defaults to `None`: the model takes no condition.
        dtype: dtype policy of all layers. Defaults to Keras's global policy.
        name: string. Name of the model.
        trainable: bool. Whether the weights may be trained. Defaults to `True`.

    Call arguments:
        inputs: list `[x_t, noise_level]`: noised latents of shape `(B, L, D)` and noise levels sqrt(alpha_bar) in
            [0, 1] of shape `(B, 1)`, or `(B, L)` where phrases have their own: given ones 1. With `condition_dim`, a
            third tensor is the condition, of shape `(B, L, C)`. Its feature 0 is 1 at the phrases of the piece and 0 at
            the padding after them, which neither attention nor `CopyAttention` sees. With `music.condition`'s features,
            `CopyAttention` takes no phrases for equal that the plan of repeats makes different.

    Returns:
        Tensor of shape `(B, L, D)`: the predicted noise.

    Example:
        ```python
        denoiser = TransformerDenoiser()
        x_t = keras.random.normal((2, 32, 42))
        noise = denoiser([x_t, keras.ops.array([[0.3], [0.8]])])  # (2, 32, 42)
        ```

    Reference:
        Mittal et al., Symbolic Music Generation with Diffusion Models (2021), section 3.1.
    """

    def __init__(
        self,
        num_positions: int | None = PIECE_PHRASES,
        channels: int = NUM_KEPT_DIMS,
        embed_dim: int = 128,
        num_layers: int = 6,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        num_residual_blocks: int = 2,
        residual_dim: int = 2048,
        noise_embed_dim: int = 128,
        film_dim: int = 512,
        copies: bool = False,
        condition_dim: int | None = None,
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
            TransformerBlock(num_heads, mlp_dim, name=f"transformer_block_{i}", dtype=policy) for i in range(num_layers)
        ]
        transformer_norm = keras.layers.LayerNormalization(epsilon=1e-6, name="transformer_norm", dtype=policy)
        residual_dense = Dense(residual_dim, name="residual_dense", **dense)
        noise_encoding = NoiseLevelEncoding(noise_embed_dim, name="noise_encoding", dtype=policy)
        films = [FiLM(residual_dim, film_dim, name=f"film_{i}", dtype=policy) for i in range(num_residual_blocks)]
        residual_blocks = [
            FiLMResidualBlock(name=f"residual_block_{i}", dtype=policy) for i in range(num_residual_blocks)
        ]
        output_norm = keras.layers.LayerNormalization(epsilon=1e-6, name="output_norm", dtype=policy)
        output_dense = Dense(channels, name="output_dense", **dense)

        # Graph. Both inputs are float32 whatever the policy: the layers cast what they may.
        x_t = keras.Input((num_positions, channels), dtype="float32", name="x_t")  # (B, L, D)
        noise_level = keras.Input((None,), dtype="float32", name="noise_level")  # (B, 1) or (B, L)
        inputs, features, copied, attention_mask = [x_t, noise_level], [x_t], [], None
        if condition_dim is not None:
            condition = keras.Input((num_positions, condition_dim), dtype="float32", name="condition")  # (B, L, C)
            inputs.append(condition)
            attention_mask = condition[:, None, :, 0] > 0.5  # (B, 1, L)
            copied = [attention_mask]
            if condition_dim == CONDITION_DIM:
                copied = [ops.logical_and(attention_mask, _may_be_equal(condition[:, :, PARTS["repeats"]]))]
        if copies:
            features.append(CopyAttention(name="copy_attention", dtype=policy)([x_t, noise_level, *copied]))
        features += inputs[2:]
        features = ops.concatenate(features, axis=-1) if len(features) > 1 else x_t  # (B, L, D [+ D + 1] [+ C])
        x = input_dense(features)  # (B, L, embed_dim)
        x = x + position_encoding(x)
        for transformer_block in transformer_blocks:
            x = transformer_block(x, attention_mask=attention_mask)
        x = transformer_norm(x)
        if features is not x_t:
            x = ops.concatenate([x, ops.cast(features, x.dtype)], axis=-1)
        x = residual_dense(x)  # (B, L, residual_dim)
        encoding = noise_encoding(ops.expand_dims(noise_level, axis=-1))  # (B, 1 or L, noise_embed_dim)
        for film, residual_block in zip(films, residual_blocks, strict=True):
            scale, shift = film(encoding)  # (B, 1 or L, residual_dim)
            x = residual_block(x, scale, shift)
        noise = output_dense(output_norm(x))  # (B, L, D)
        super().__init__(inputs=inputs, outputs=noise, name=name, trainable=trainable)

        # Config.
        self.dtype_policy = policy
        self.num_positions = num_positions
        self.channels = channels
        self.embed_dim = embed_dim
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.num_residual_blocks = num_residual_blocks
        self.residual_dim = residual_dim
        self.noise_embed_dim = noise_embed_dim
        self.film_dim = film_dim
        self.copies = copies
        self.condition_dim = condition_dim

    def export(
        self,
        filepath: str | Path,
        format: str = "tf_saved_model",
        input_signature: Sequence | None = None,
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.export`; needs TensorFlow or, for `format="onnx"`, the packages that Keras names.

        On JAX and PyTorch, which export no axis that may have 1 or L positions, pieces have one noise level each; on
        PyTorch, whose exporter knows fixed shapes only, there is one piece. JAX's ONNX computes something else for a
        piece whose condition says that none of its phrases is there.
        """
        backend = keras.backend.backend()
        if input_signature is None and backend != "tensorflow":
            batch = 1 if backend == "torch" else None
            shapes = [(batch, *(x.shape[1:] if x.name != "noise_level" else (1,))) for x in self.inputs]
            names = [x.name for x in self.inputs]
            input_signature = [
                [keras.InputSpec("float32", shape, name=n) for shape, n in zip(shapes, names, strict=True)]
            ]
        super().export(filepath, format=format, input_signature=input_signature, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "num_positions": self.num_positions,
            "channels": self.channels,
            "embed_dim": self.embed_dim,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "num_residual_blocks": self.num_residual_blocks,
            "residual_dim": self.residual_dim,
            "noise_embed_dim": self.noise_embed_dim,
            "film_dim": self.film_dim,
            "copies": self.copies,
            "condition_dim": self.condition_dim,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)
