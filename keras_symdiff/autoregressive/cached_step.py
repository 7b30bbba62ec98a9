"""The TransformerMDN, one position at a time."""

from keras import ops


def empty_cache(mdn, batch_size, num_positions):
    """Returns keys and values of no position yet, zeros of shape `(num_layers, 2, B, L, H, K)`."""
    shape = (batch_size, num_positions, mdn.num_heads, mdn.embed_dim // mdn.num_heads)
    return ops.zeros((mdn.num_layers, 2, *shape), dtype=mdn.dtype_policy.compute_dtype)


def cached_step(mdn, previous, cache, index):
    """Computes the mixture at one position, at the cost of one position.

    Args:
        mdn: `TransformerMDN`.
        previous: `(B, C)`. The latent before the position; zeros for the first.
        cache: `(num_layers, 2, B, L, H, K)`. Keys and values of the earlier positions, see `empty_cache`.
        index: Integer in [0, L). The position.

    Returns:
        A tuple `(means (B, K, C), log_scales (B, K, C), logits (B, K), cache)`.
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
