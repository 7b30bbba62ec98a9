import numpy as np
import pytest
from keras.src import testing

from keras_symdiff import SinusoidalPositionEncoding


class SinusoidalPositionEncodingTest(testing.TestCase):
    def test_layer_basics(self):
        self.run_layer_test(
            SinusoidalPositionEncoding,
            init_kwargs={},
            input_shape=(2, 9, 16),
            expected_output_shape=(2, 9, 16),
            expected_num_trainable_weights=0,
        )

    def test_an_odd_number_of_features_is_refused(self):
        with pytest.raises(ValueError, match="Received: dim=15"):
            SinusoidalPositionEncoding()(np.zeros((2, 9, 15), "float32"))
