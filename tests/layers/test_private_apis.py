"""What the package uses of Keras, PyTorch and TFDS that they do not promise to keep: a version without it fails."""

import inspect

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


def test_keras_optimizers_keep_moving_averages_in_the_order_of_the_variables():
    optimizer = keras.optimizers.Adam(use_ema=True)
    variables = [keras.Variable([1.0]), keras.Variable([[2.0, 3.0]])]
    optimizer.build(variables)
    assert [average.shape for average in optimizer._model_variables_moving_average] == [(1,), (1, 2)]


def test_keras_lstm_has_the_loop_that_ours_replaces():
    parameters = list(inspect.signature(keras.layers.LSTM.inner_loop).parameters)
    assert parameters == ["self", "sequences", "initial_state", "mask", "training"]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="the others have no such state")
def test_keras_on_jax_takes_variables_away_and_gives_them_back_by_these_names():
    assert callable(keras.Model._purge_model_variables)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.train_on_batch(keras.ops.ones((2, 1)), keras.ops.ones((2, 1)))
    assert {"trainable_variables", "optimizer_variables"} <= model._jax_state.keys()
    model.jax_state_sync()
    assert model.get_weights()[0].shape == (1, 1)


def test_tfds_builds_by_the_method_that_ours_extends():
    tfds = pytest.importorskip("tensorflow_datasets")
    assert callable(tfds.core.GeneratorBasedBuilder._download_and_prepare)
    assert "_data_dir_root" in inspect.getsource(tfds.core.DatasetBuilder)
