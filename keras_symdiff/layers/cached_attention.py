"""Attention that can go on from the keys and values of earlier positions."""

from typing import Any

import keras
from jaxtyping import Float, Integer
from keras import ops


@keras.saving.register_keras_serializable(package="keras_symdiff")
class CachedAttention(keras.layers.MultiHeadAttention):
    """`keras.layers.MultiHeadAttention` with two more ways to call it: a single position against a cache, and
    positions that see themselves only.

    Example:
        ```python
        attention = CachedAttention(num_heads=8, key_dim=16)
        y = attention(x, x)  # (2, 32, 128)
        keys = values = keras.ops.zeros((2, 32, 8, 16))
        y, keys, values = attention.step(x[:, :1], keys, values, 0)  # (2, 1, 128)
        ```
    """

    # Keras keeps its layers private; KerasHub's cached attention reaches for them in the same way.

    def step(
        self,
        x: Float[Any, "B 1 D"],
        keys: Float[Any, "B L H K"],
        values: Float[Any, "B L H K"],
        index: int | Integer[Any, ""],
    ) -> tuple[Float[Any, "B 1 D"], Float[Any, "B L H K"], Float[Any, "B L H K"]]:
        """Causal self-attention of one position.

        Args:
            x: features of the position.
            keys: keys of the earlier positions; what stands at later ones does not matter.
            values: their values.
            index: the position, in [0, L).

        Returns:
            The output, and the cache with the position's own key and value.
        """
        positions = ops.arange(keys.shape[1])
        here = (positions == index)[None, :, None, None]  # (1, L, 1, 1)
        keys = ops.where(here, self._key_dense(x), keys)  # (B, L, H, K)
        values = ops.where(here, self._value_dense(x), values)
        seen = (positions <= index)[None, None]  # (1, 1, L)
        output, _ = self._compute_attention(self._query_dense(x), keys, values, attention_mask=seen)  # (B, 1, H, K)
        return self._output_dense(output), keys, values

    def _compute_attention(
        self, query, key, value, attention_mask=None, training=None, return_attention_scores=False, **kwargs
    ):
        # JAX has no fused attention of float16 on a CPU; with scores Keras takes the plain one.
        scores = return_attention_scores or (keras.backend.backend() == "jax" and self.compute_dtype == "float16")
        return super()._compute_attention(query, key, value, attention_mask, training, scores, **kwargs)

    def alone(self, x: Float[Any, "B L D"]) -> Float[Any, "B L D"]:
        """Attention of each position to itself only.

        Args:
            x: features of the positions.

        Returns:
            What each position reads from itself.
        """
        return self._output_dense(self._value_dense(x))
