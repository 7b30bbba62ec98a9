from keras.src import testing

from keras_symdiff import MixtureDensity


class MixtureDensityTest(testing.TestCase):
    def test_layer_basics(self):
        self.run_layer_test(
            MixtureDensity,
            init_kwargs={"num_mixtures": 3, "channels": 4},
            input_shape=(2, 5, 8),
            expected_output_shape=((2, 5, 3, 4), (2, 5, 3, 4), (2, 5, 3)),
            expected_num_trainable_weights=6,
        )
