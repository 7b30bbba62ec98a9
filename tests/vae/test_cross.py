import numpy as np

from keras_symdiff.vae.train import cross


def test_a_share_of_phrases_ends_as_others_do_from_a_beat_on():
    tokens = np.repeat(np.arange(400)[:, None], 32, axis=1)  # every step names its phrase
    crossed = cross(tokens, 0.5, np.random.default_rng(0))
    own = crossed == tokens
    assert own[:, :8].all()
    changed = ~own.all(axis=1)
    assert 0.4 < changed.mean() < 0.6
    first = np.where(changed, own.argmin(axis=1), 32)
    assert set(first) == {8, 16, 24, 32}
    for phrase, step in zip(crossed[changed], first[changed], strict=True):
        assert len(set(phrase[step:])) == 1  # of one other phrase
    np.testing.assert_array_equal(cross(tokens, 0.0, np.random.default_rng(0)), tokens)
