import numpy as np
import pytest

from keras_symdiff import MusicVAE
from keras_symdiff.vae.train import split_phrases, train_vae


def as_set(tokens):
    return {phrase.tobytes() for phrase in tokens}


def phrases(number):
    return np.unique(np.random.default_rng(0).integers(0, 90, (number, 32)).astype("int8"), axis=0)


def test_a_hundredth_is_held_out_whatever_else_there_is():
    tokens = phrases(4000)
    train, held_out = split_phrases(tokens)
    assert 20 < len(held_out) < 60
    assert as_set(train) | as_set(held_out) == as_set(tokens)
    assert not as_set(train) & as_set(held_out)
    assert as_set(split_phrases(tokens[::-1][:3000])[1]) <= as_set(held_out)


def test_a_few_phrases_hold_some_out_too():
    train, held_out = split_phrases(phrases(20))
    assert len(held_out) >= 1
    assert len(train) + len(held_out) == 20


def test_validation_phrases_leave_training():
    tokens = phrases(100)
    train, held_out = split_phrases(tokens, tokens[40:60])
    np.testing.assert_array_equal(train, np.concatenate([tokens[:40], tokens[60:]]))
    np.testing.assert_array_equal(held_out, tokens[40:60])


def test_training_without_held_out_phrases_is_refused(tmp_path):
    vae = MusicVAE(latent_dim=2, encoder_units=2, decoder_units=(2,))
    with pytest.raises(ValueError, match="Received: 5 and 0 phrases"):
        train_vae(vae, phrases(5), phrases(5)[:0], tmp_path, {}, epochs=1, steps=1)
