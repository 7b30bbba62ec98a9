import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff.vae.lstm import LSTM


@pytest.mark.parametrize("go_backwards", [False, True])
def test_equals_kerass_lstm_forward_and_in_training(go_backwards):
    stream = np.random.default_rng(0)
    x = stream.standard_normal((8, 7, 5)).astype("float32")
    target = stream.standard_normal((8, 7, 4)).astype("float32")
    results = []
    for layer_class in (keras.layers.LSTM, LSTM):
        layer = layer_class(4, return_sequences=True, go_backwards=go_backwards)
        model = keras.Sequential([keras.Input((7, 5)), layer])
        model.set_weights(
            [np.random.default_rng(i).standard_normal(w.shape).astype("float32") for i, w in enumerate(model.weights)]
        )
        before = model.get_weights()
        outputs = ops.convert_to_numpy(model(x))  # (8, 7, 4)
        model.compile(keras.optimizers.SGD(1.0), loss="mse")  # one step at rate 1 moves each weight by its gradient
        model.train_on_batch(x, target)
        gradients = [old - new for old, new in zip(before, model.get_weights(), strict=True)]
        results.append([outputs, *gradients])
    for expected, actual in zip(*results, strict=True):
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_equals_kerass_lstm_from_given_states_and_for_the_last_output():
    stream = np.random.default_rng(1)
    x, h, c = (stream.standard_normal(shape).astype("float32") for shape in ((3, 6, 5), (3, 4), (3, 4)))
    plain, ours = keras.layers.LSTM(4, return_state=True), LSTM(4, return_state=True)
    plain.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(plain.get_weights())
    states = [ops.convert_to_tensor(h), ops.convert_to_tensor(c)]
    for expected, actual in zip(plain(x, initial_state=states), ours(x, initial_state=states), strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(actual), ops.convert_to_numpy(expected), atol=1e-5)
