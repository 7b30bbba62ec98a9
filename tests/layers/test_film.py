from keras.src import testing

from keras_symdiff import FiLM


class FiLMTest(testing.TestCase):
    def test_layer_basics(self):
        self.run_layer_test(
            FiLM,
            init_kwargs={"units": 6, "hidden_dim": 10},
            input_shape=(3, 8),
            expected_output_shape=((3, 1, 6), (3, 1, 6)),
            expected_num_trainable_weights=8,
        )
