import keras
import numpy as np
import pytest

from keras_symdiff.training.scanned_steps import scanned_steps

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="of JAX alone")


def test_steps_of_a_call_are_one_program_and_give_what_steps_one_by_one_give():
    traces = []

    def train_step(state, batch):
        traces.append(batch)
        (x,) = batch
        state = [0.5 * state[0] + x.sum()]
        return {"loss": state[0]}, state

    train = scanned_steps(train_step, 3)
    batches = iter([(np.full(2, value, "float32"),) for value in (1, 2, 3, 4, 5)])
    logs, state = train([np.float32(8)], batches)
    np.testing.assert_allclose(logs["loss"], ((4 + 2) / 2 + 4) / 2 + 6)
    logs, state = train(state, batches)  # two are left
    np.testing.assert_allclose(state[0], (((4 + 2) / 2 + 4) / 2 + 6) / 4 + 8 / 2 + 10)
    assert len(traces) == 2  # of three steps, of two
    with pytest.raises(StopIteration):
        train(state, batches)
