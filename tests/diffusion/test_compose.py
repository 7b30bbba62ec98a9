import numpy as np
import pytest

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE, infill
from keras_symdiff.diffusion.compose import compose_gap
from keras_symdiff.music.gap import Gap, find_gap
from keras_symdiff.music.melody import Melody


@pytest.fixture(scope="module")
def models(tiny_preset):
    return [part.from_preset(tiny_preset) for part in (LatentDiffusion, LatentTransform, MusicVAE)]


def melody(num_phrases, rests=(), seed=0):
    stream = np.random.default_rng(seed)
    tokens = np.where(stream.random((num_phrases, 32)) < 0.3, stream.integers(30, 60, (num_phrases, 32)), 0)
    tokens[:, 0] = 41
    tokens[list(rests)] = 0
    return Melody.from_phrases(tokens)


# Melody's phrases, gap, where the window of 32 phrases must start, rest phrases.
@pytest.mark.parametrize(
    ("num_phrases", "first", "count", "start", "rests"),
    [
        (6, 2, 2, 0, [4]),  # shorter than a piece
        (40, 0, 3, 0, []),  # at the very start
        (40, 18, 4, 4, [5, 30]),  # in the middle
        (40, 37, 3, 8, []),  # at the very end
        (32, 0, 32, 0, []),  # everything
    ],
)
def test_a_gap_is_infilled_from_the_phrases_around_it(models, num_phrases, first, count, start, rests):
    model, transform, vae = models
    tune = melody(num_phrases, rests)
    tokens, _ = tune.phrases()
    mean, _ = vae.encode(tokens)
    latents, keep = np.zeros((1, 32, 3)), np.zeros((1, 32), bool)
    for position, phrase in enumerate(range(start, min(start + 32, num_phrases))):
        if not first <= phrase < first + count and phrase not in rests:
            latents[0, position], keep[0, position] = transform.forward(mean[phrase : phrase + 1])[0], True
    scaled = infill(model, latents, keep, seed=3)[0, first - start : first - start + count]
    expected = vae.decode(transform.inverse(scaled), 1e-3, 3)

    composed = compose_gap(model, transform, vae, tune, Gap(0, first, count), seed=3)
    assert composed.shape == (count, 32)
    np.testing.assert_array_equal(composed, expected)


def test_what_stood_in_the_gap_has_no_influence(models):
    tune = melody(12)
    gap = find_gap(tune, 5, 8, "a.mid")
    other = tune.replace_phrases(gap.first_phrase, np.full((gap.num_phrases, 32), 60, np.int8))
    np.testing.assert_array_equal(compose_gap(*models, tune, gap), compose_gap(*models, other, gap))
