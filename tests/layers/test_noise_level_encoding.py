import numpy as np
import pytest
from keras import backend, ops
from keras.src import testing

from keras_symdiff import NoiseLevelEncoding


class NoiseLevelEncodingTest(testing.TestCase):
    def test_layer_basics(self):
        self.run_layer_test(
            NoiseLevelEncoding,
            init_kwargs={"dim": 16, "scale": 1000.0},
            input_shape=(3, 1),
            expected_output_shape=(3, 16),
            expected_num_trainable_weights=0,
        )

    def test_stays_float32_whatever_the_policy(self):
        levels = np.random.default_rng(0).uniform(0.08, 1.0, (64, 1)).astype("float32")
        full = NoiseLevelEncoding()(levels)
        mixed = NoiseLevelEncoding(dtype="mixed_bfloat16")(levels)
        assert backend.standardize_dtype(mixed.dtype) == "float32"
        np.testing.assert_array_equal(ops.convert_to_numpy(mixed), ops.convert_to_numpy(full))

    def test_an_odd_size_is_refused(self):
        with pytest.raises(ValueError, match="Received: dim=15"):
            NoiseLevelEncoding(dim=15)
