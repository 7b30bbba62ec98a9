import keras
import numpy as np
import pytest
from keras.src import testing

from keras_symdiff.layers.dense import Dense

X = np.random.default_rng(0).standard_normal((3, 5, 7, 8)).astype("float32")


class DenseTest(testing.TestCase):
    def test_layer_basics(self):
        self.run_layer_test(
            Dense,
            init_kwargs={"units": 4, "activation": "gelu"},
            input_shape=(3, 5, 8),
            expected_output_shape=(3, 5, 4),
            expected_num_trainable_weights=2,
        )


@pytest.mark.parametrize("num_axes", [2, 3, 4])
def test_it_is_keras_s_dense(num_axes):
    x = X[(0,) * (4 - num_axes)]
    ours, theirs = Dense(4, activation="silu"), keras.layers.Dense(4, activation="silu")
    ours.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    for training in (True, False):
        outputs = [keras.ops.convert_to_numpy(layer(x, training=training)) for layer in (ours, theirs)]
        np.testing.assert_allclose(*outputs, atol=1e-6)


def test_any_number_of_samples_and_positions():
    inputs = keras.Input((None, 8))
    model = keras.Model(inputs, Dense(4)(inputs))
    assert model.output.shape == (None, None, 4)
    for x in (X[0], X[0, :1], X[0, :, :2]):
        for training in (True, False):
            assert model(x, training=training).shape == (*x.shape[:2], 4)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="how JAX sums is what the layer is for")
def test_the_gradient_of_the_kernel_sums_over_one_axis():
    import jax

    layer = Dense(4, use_bias=False)
    layer.build((None, None, 8))

    def loss(kernel):
        return layer.stateless_call([kernel], [], X[0], training=True)[0].sum()

    gradient = str(jax.make_jaxpr(jax.grad(loss))(layer.kernel.value))
    assert "([0], [0])" in gradient
    assert "([0, 1], [0, 1])" not in gradient
