"""Pre-norm transformer block."""

from collections.abc import Sequence
from typing import Any

import keras
from jaxtyping import Bool, Float, Integer
from keras import ops

from keras_symdiff.layers.cached_attention import CachedAttention
from keras_symdiff.layers.dense import Dense


@keras.saving.register_keras_serializable(package="keras_symdiff")
class TransformerBlock(keras.layers.Layer):
    """Layer norm and self-attention, then layer norm and a GELU network, each with a skip connection.

    Args:
        num_heads: number of attention heads; it must divide the number of features.
        mlp_dim: hidden units of the two-layer network.
        causal: whether a position sees only itself and earlier ones. Defaults to `False`.
        **kwargs: other keyword arguments of `keras.layers.Layer`, such as `name` and `dtype`.

    Call arguments:
        inputs: tensor of shape `(B, L, D)`.
        attend: bool. Whether positions see others than themselves. Defaults to `True`.
        attention_mask: bool tensor of shape `(B, 1, L)` or `(B, L, L)`, True where a position (the middle axis) sees
            another (the last). Defaults to `None`: it sees all that `causal` lets it.

    Returns:
        Tensor of shape `(B, L, D)`.

    Raises:
        ValueError: if `num_heads` does not divide the number of features.

    Example:
        ```python
        x = TransformerBlock(num_heads=8, mlp_dim=2048)(x)  # (B, 32, 128)
        ```

    Reference:
        Vaswani et al., Attention Is All You Need (2017); Mittal et al., Symbolic Music Generation with Diffusion
        Models (2021), section 3.1.
    """

    def __init__(self, num_heads: int, mlp_dim: int, causal: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.causal = causal

    def build(self, inputs_shape: Sequence) -> None:
        embed_dim = inputs_shape[-1]
        if embed_dim % self.num_heads:
            raise ValueError(
                "`num_heads` must divide the number of features. "
                f"Received: num_heads={self.num_heads}, features={embed_dim}"
            )
        norm = {"epsilon": 1e-6, "dtype": self.dtype_policy}
        dense = {"kernel_initializer": "lecun_normal", "dtype": self.dtype_policy}
        self.attention_norm = keras.layers.LayerNormalization(name="attention_norm", **norm)
        self.attention = CachedAttention(
            self.num_heads,
            embed_dim // self.num_heads,
            kernel_initializer="lecun_normal",
            name="attention",
            dtype=self.dtype_policy,
        )
        self.mlp_norm = keras.layers.LayerNormalization(name="mlp_norm", **norm)
        self.mlp_hidden = Dense(self.mlp_dim, name="mlp_hidden", **dense)
        self.mlp_output = Dense(embed_dim, name="mlp_output", **dense)

        self.attention_norm.build(inputs_shape)
        self.attention.build(inputs_shape, inputs_shape)
        self.mlp_norm.build(inputs_shape)
        self.mlp_hidden.build(inputs_shape)
        self.mlp_output.build((*inputs_shape[:-1], self.mlp_dim))
        self.built = True

    def call(
        self, inputs: Float[Any, "B L D"], attend: bool = True, attention_mask: Bool[Any, " B #L L"] | None = None
    ) -> Float[Any, "B L D"]:
        x = self.attention_norm(inputs)
        if attend:
            x = self.attention(x, x, attention_mask=attention_mask, use_causal_mask=self.causal)
        else:
            x = self.attention.alone(x)
        return self._mlp(inputs + x)  # (B, L, D)

    def step(
        self,
        inputs: Float[Any, "B 1 D"],
        keys: Float[Any, "B L H K"],
        values: Float[Any, "B L H K"],
        index: int | Integer[Any, ""],
    ) -> tuple[Float[Any, "B 1 D"], Float[Any, "B L H K"], Float[Any, "B L H K"]]:
        """One position of a causal block, given the earlier ones; see `CachedAttention.step`.

        Args:
            inputs: tensor of shape `(B, 1, D)`.
            keys: tensor of shape `(B, L, H, K)`, the block's cache.
            values: tensor of shape `(B, L, H, K)`.
            index: integer in [0, L), the position.

        Returns:
            A tuple `(output, keys, values)`, `output` of shape `(B, 1, D)`.
        """
        x, keys, values = self.attention.step(self.attention_norm(inputs), keys, values, index)
        return self._mlp(inputs + x), keys, values

    def _mlp(self, inputs):
        x = self.mlp_hidden(self.mlp_norm(inputs))  # (B, L, mlp_dim)
        return inputs + self.mlp_output(ops.gelu(x, approximate=True))  # (B, L, D)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "causal": self.causal,
        }
