import numpy as np
from keras import ops
from keras.src.testing import TestCase

from keras_symdiff.layers.copy_attention import CopyAttention


def features(x, level):
    levels = np.full((len(x), 1), level, "float32")
    return ops.convert_to_numpy(CopyAttention()([x, levels]))


def test_copies_under_noise_are_averaged_and_other_phrases_are_not():
    stream = np.random.default_rng(0)
    clean = 0.25 * stream.standard_normal((4, 32, 42))
    clean[:, 20] = clean[:, 12] = clean[:, 4]
    level = 0.998
    x = level * clean + np.sqrt(1 - level**2) * stream.standard_normal(clean.shape)
    result = features(x.astype("float32"), level)
    mean, number = result[..., :-1], np.expm1(result[..., -1])
    np.testing.assert_allclose(number[:, [4, 12, 20]], 2, atol=0.1)
    np.testing.assert_allclose(number[:, [0, 5, 31]], 0, atol=0.1)
    np.testing.assert_allclose(mean[:, 4], x[:, [4, 12, 20]].mean(axis=1), atol=0.02)
    np.testing.assert_allclose(mean[:, 0], x[:, 0], atol=0.02)


def test_noise_alone_says_nothing_and_clean_phrases_say_it_exactly():
    x = np.random.default_rng(1).standard_normal((2, 32, 42)).astype("float32")
    number = np.expm1(features(x, 0.0)[..., -1])
    np.testing.assert_allclose(number, 31 / (1 + np.exp(3.0)), rtol=1e-3)  # the prior odds of 31 other phrases
    x[:, 7] = x[:, 3]
    result = features(x, 1.0)
    np.testing.assert_allclose(np.expm1(result[..., -1])[:, [3, 7, 8]], [[1, 1, 0]] * 2, atol=1e-3)
    np.testing.assert_allclose(result[..., :-1], x, atol=1e-5)


def test_a_copy_of_a_given_phrase_is_read_from_it():
    stream = np.random.default_rng(2)
    clean = 0.25 * stream.standard_normal((4, 32, 42))
    clean[:, 12] = clean[:, 4]
    level = np.full((4, 32), 0.99)
    level[:, :8] = 1.0  # given
    x = level[:, :, None] * clean + np.sqrt(1 - level[:, :, None] ** 2) * stream.standard_normal(clean.shape)
    x, level = x.astype("float32"), level.astype("float32")
    result = ops.convert_to_numpy(CopyAttention()([x, level]))
    mean, weight = result[..., :-1], np.expm1(result[..., -1])
    assert (weight[:, 12] > 1000).all()
    np.testing.assert_allclose(mean[:, 12], 0.99 * clean[:, 4], atol=0.01)
    np.testing.assert_allclose(mean[:, :8], clean[:, :8], atol=0.01)  # a noised copy adds nothing to a given phrase
    np.testing.assert_allclose(weight[:, 20], 0, atol=0.3)
    np.testing.assert_allclose(mean[:, 20], x[:, 20], atol=0.3)


def test_levels_of_a_phrase_that_are_all_equal_are_the_level_of_the_piece():
    x = np.random.default_rng(3).standard_normal((2, 32, 42)).astype("float32")
    x[:, 5] = x[:, 1]
    own = CopyAttention()([x, np.full((2, 32), 0.7, "float32")])
    np.testing.assert_allclose(ops.convert_to_numpy(own), features(x, 0.7), rtol=1e-4, atol=1e-5)


def test_padding_is_not_copied_and_changes_nothing():
    stream = np.random.default_rng(4)
    x = 0.25 * stream.standard_normal((2, 8, 42)).astype("float32")
    x[:, 5:] = x[:, :3]  # copies that stand in the padding
    level, present = np.full((2, 1), 0.9, "float32"), np.arange(8) < [[5], [8]]
    layer = CopyAttention()
    result = ops.convert_to_numpy(layer([x, level, present[:, None]]))
    whole = ops.convert_to_numpy(layer([x, level]))
    np.testing.assert_allclose(result[1], whole[1], atol=1e-6)
    assert np.abs(result[0, :3] - whole[0, :3]).max() > 0.1
    other = np.where(present[:, :, None], x, 7.0).astype("float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer([other, level, present[:, None]]))[0, :5], result[0, :5], atol=1e-6
    )


class CopyAttentionTest(TestCase):
    def test_layer(self):
        self.run_layer_test(
            CopyAttention,
            init_kwargs={"initial_stddev": 0.3},
            input_shape=((2, 5, 4), (2, 1)),
            expected_output_shape=(2, 5, 5),
            expected_num_trainable_weights=2,
            expected_num_non_trainable_weights=0,
            expected_num_seed_generators=0,
            run_mixed_precision_check=False,  # float32 whatever the policy
        )
