import numpy as np
import pytest
from keras import ops
from keras.src import testing

from keras_symdiff import TransformerBlock


class TransformerBlockTest(testing.TestCase):
    def test_layer_basics(self):
        for causal in (False, True):
            self.run_layer_test(
                TransformerBlock,
                init_kwargs={"num_heads": 2, "mlp_dim": 12, "causal": causal},
                input_shape=(3, 5, 8),
                expected_output_shape=(3, 5, 8),
                expected_num_trainable_weights=16,
            )

    def test_only_a_causal_block_hides_later_positions(self):
        x = np.random.default_rng(0).standard_normal((2, 6, 8)).astype("float32")
        changed = x.copy()
        changed[:, 4:] *= -1.0  # a layer norm would not see a constant added
        for causal in (True, False):
            block = TransformerBlock(num_heads=2, mlp_dim=12, causal=causal)
            difference = np.abs(ops.convert_to_numpy(block(x) - block(changed))).max(axis=(0, 2))
            assert (difference[:4] < 1e-6).all() == causal
            assert (difference[4:] > 1e-3).all()

    def test_masked_positions_are_not_seen(self):
        x = np.random.default_rng(0).standard_normal((2, 6, 8)).astype("float32")
        block = TransformerBlock(num_heads=2, mlp_dim=12)
        whole = ops.convert_to_numpy(block(x))
        seen = (np.arange(6) < [[4], [6]])[:, None]  # (B, 1, L)
        masked = ops.convert_to_numpy(block(x, attention_mask=seen))
        np.testing.assert_allclose(masked[0, :4], ops.convert_to_numpy(block(x[:1, :4]))[0], atol=1e-5)
        np.testing.assert_allclose(masked[1], whole[1], atol=1e-5)
        assert np.abs(masked[0, :4] - whole[0, :4]).max() > 1e-3

    def test_steps_with_a_cache_give_what_the_whole_sequence_gives(self):
        x = np.random.default_rng(0).standard_normal((2, 6, 8)).astype("float32")
        block = TransformerBlock(num_heads=2, mlp_dim=12, causal=True)
        whole = ops.convert_to_numpy(block(x))
        keys = values = ops.full((2, 6, 2, 4), 9.0)  # what stands at later positions does not matter
        for position in range(6):
            one = ops.convert_to_tensor(x[:, position : position + 1])
            y, keys, values = block.step(one, keys, values, position)
            np.testing.assert_allclose(ops.convert_to_numpy(y)[:, 0], whole[:, position], atol=1e-5)

    def test_kernels_are_lecun_normal(self):
        block = TransformerBlock(num_heads=8, mlp_dim=256)
        block.build((None, None, 128))
        for weight in block.weights:
            if weight.path.endswith("kernel"):
                fan_in = 256 if "mlp_output" in weight.path else 128
                stddev = np.std(ops.convert_to_numpy(weight))
                np.testing.assert_allclose(stddev, fan_in**-0.5, rtol=0.03, err_msg=weight.path)

    def test_heads_which_do_not_divide_the_features_are_refused(self):
        with pytest.raises(ValueError, match="Received: num_heads=3, features=8"):
            TransformerBlock(num_heads=3, mlp_dim=12).build((None, None, 8))
