"""The TransformerMDN, one position at a time."""

from typing import Any

from jaxtyping import Float, Integer
from keras import ops

from keras_symdiff.models.transformer_mdn import TransformerMDN


def empty_cache(
    mdn: TransformerMDN, batch_size: int | Integer[Any, ""], num_positions: int
) -> Float[Any, "layers 2 B L H K"]:
    """Returns keys and values of no position yet: zeros."""
    shape = (batch_size, num_positions, mdn.num_heads, mdn.embed_dim // mdn.num_heads)
    return ops.zeros((mdn.num_layers, 2, *shape), dtype=mdn.dtype_policy.compute_dtype)


def cached_step(
    mdn: TransformerMDN,
    previous: Float[Any, "B C"],
    cache: Float[Any, "layers 2 B L H _"],
    index: int | Integer[Any, ""],
) -> tuple[Float[Any, "B K C"], Float[Any, "B K C"], Float[Any, "B K"], Float[Any, "layers 2 B L H _"]]:
    """Computes the mixture at one position, at the cost of one position.

    Args:
        mdn: the network.
        previous: the latent before the position; zeros for the first.
        cache: keys and values of the earlier positions, see `empty_cache`.
        index: the position, in [0, L).

    Returns:
        Means, log scales and logits of the mixture, and the cache with the position's own keys and values.
    """
    num_positions = cache.shape[3]
    x = mdn.get_layer("input_dense")(previous[:, None])  # (B, 1, embed_dim)
    table = mdn.get_layer("position_encoding")(ops.zeros((1, num_positions, mdn.embed_dim), x.dtype))
    x = x + table[0, index]
    updated = []
    for i in range(mdn.num_layers):
        x, keys, values = mdn.get_layer(f"transformer_block_{i}").step(x, cache[i, 0], cache[i, 1], index)
        updated.append(ops.stack([keys, values]))
    x = mdn.get_layer("residual_dense")(mdn.get_layer("transformer_norm")(x))  # (B, 1, residual_dim)
    for i in range(mdn.num_residual_blocks):
        x = mdn.get_layer(f"residual_block_{i}")(x)
    mixture = mdn.get_layer("mixture_density")(mdn.get_layer("output_norm")(x))
    return *(part[:, 0] for part in mixture), ops.stack(updated)
