import numpy as np
import pytest
from keras.src import testing

from keras_symdiff import FiLMResidualBlock


class FiLMResidualBlockTest(testing.TestCase):
    def test_layer_basics_with_film(self):
        self.run_layer_test(
            FiLMResidualBlock,
            init_kwargs={},
            input_shape={"inputs_shape": (3, 5, 8), "scale_shape": (3, 1, 8), "shift_shape": (3, 1, 8)},
            expected_output_shape=(3, 5, 8),
            expected_num_trainable_weights=8,
            run_training_check=False,  # Keras's check passes one tensor to the layer: see the next test
        )

    def test_layer_basics_without_film(self):
        self.run_layer_test(
            FiLMResidualBlock,
            init_kwargs={},
            input_shape=(3, 5, 8),
            expected_output_shape=(3, 5, 8),
            expected_num_trainable_weights=8,
        )

    def test_without_film_is_scale_one_and_shift_zero(self):
        x = np.random.default_rng(0).standard_normal((3, 5, 8)).astype("float32")
        block = FiLMResidualBlock()
        modulated = block(x, np.ones((3, 1, 8), "float32"), np.zeros((3, 1, 8), "float32"))
        self.assertAllClose(block(x), modulated, atol=1e-6)

    def test_scale_without_shift_is_refused(self):
        with pytest.raises(ValueError, match="given together"):
            FiLMResidualBlock()(np.zeros((3, 5, 8), "float32"), np.ones((3, 1, 8), "float32"))
