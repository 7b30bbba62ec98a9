"""What the package uses of Keras and PyTorch that they do not promise to keep; a version without it fails here."""

import keras
import pytest


def test_keras_multi_head_attention_has_the_parts_that_cached_attention_calls():
    layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4)
    x = keras.ops.zeros((1, 3, 8))
    layer(x, x)
    query, key, value = layer._query_dense(x), layer._key_dense(x), layer._value_dense(x)
    output, _ = layer._compute_attention(query, key, value, attention_mask=None)
    assert tuple(layer._output_dense(output).shape) == (1, 3, 8)


def test_torch_has_the_products_that_decoding_packs_its_kernels_for():
    torch = pytest.importorskip("torch")
    if not torch.backends.mkldnn.is_available():
        pytest.skip("no oneDNN here")
    kernel, x = torch.rand(4, 8), torch.rand(2, 8)
    packed = torch.ops.mkldnn._reorder_linear_weight(kernel, None)
    product = torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "")
    torch.testing.assert_close(product, x @ kernel.T)
