"""Attention that can go on from the keys and values of earlier positions."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_symdiff")
class CachedAttention(keras.layers.MultiHeadAttention):
    """`keras.layers.MultiHeadAttention` with two more ways to call it: a single position against a cache, and
    positions that see themselves only.

    Example:
        ```python
        y, keys, values = attention.step(x, keys, values, index)  # x (B, 1, D), keys and values (B, L, H, K)
        y = attention.alone(x)  # x (B, L, D)
        ```
    """

    # Keras keeps its layers private; KerasHub's cached attention reaches for them in the same way.

    def step(self, x, keys, values, index):
        """Causal self-attention of one position.

        Args:
            x: `(B, 1, D)`. Features of the position.
            keys: `(B, L, H, K)`. Keys of the earlier positions; what stands at later ones does not matter.
            values: `(B, L, H, K)`. Their values.
            index: Integer in [0, L). The position.

        Returns:
            A tuple `(output, keys, values)`: `(B, 1, D)`, and the cache with the position's own key and value.
        """
        positions = ops.arange(keys.shape[1])
        here = (positions == index)[None, :, None, None]  # (1, L, 1, 1)
        keys = ops.where(here, self._key_dense(x), keys)  # (B, L, H, K)
        values = ops.where(here, self._value_dense(x), values)
        seen = (positions <= index)[None, None]  # (1, 1, L)
        output, _ = self._compute_attention(self._query_dense(x), keys, values, attention_mask=seen)  # (B, 1, H, K)
        return self._output_dense(output), keys, values

    def alone(self, x):
        """Attention of each position to itself only.

        Args:
            x: `(B, L, D)`. Features of the positions.

        Returns:
            `(B, L, D)`.
        """
        return self._output_dense(self._value_dense(x))
