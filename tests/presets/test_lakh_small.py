from pathlib import Path

import numpy as np
import pytest

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE, NoiseSchedule, infill, read_melodies, sample
from keras_symdiff.presets.preset import PRESETS
from keras_symdiff.vae.reconstruction import reconstruction_metrics

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden" / "lakh_small" / "pieces.npz"
# Few steps, to be quick; the noise is what 1000 steps of the paper add up to.
SCHEDULE = NoiseSchedule.linear(40, 1e-4, 0.25)


@pytest.fixture(scope="module")
def preset():
    return tuple(part.from_preset("lakh_small") for part in (LatentDiffusion, LatentTransform, MusicVAE))


def test_same_seed_is_the_same_music_on_every_backend_and_in_every_batch(preset):
    model, transform, vae = preset
    golden = np.load(GOLDEN)
    alone = sample(model, 3, seed=7, schedule=SCHEDULE, batch_size=1)
    together = sample(model, 3, seed=7, schedule=SCHEDULE, batch_size=3)
    for scaled in (alone, together):
        tokens = vae.decode(transform.inverse(scaled).reshape(-1, vae.latent_dim)).reshape(3, 32, 32)
        np.testing.assert_array_equal(tokens, golden["sampled"])
    keep = np.ones((3, 32), bool)
    keep[:, 8:12] = False
    filled = infill(model, together, keep, seed=8, schedule=SCHEDULE)
    np.testing.assert_array_equal(filled[keep], together[keep])
    tokens = vae.decode(transform.inverse(filled[:, 8:12]).reshape(-1, vae.latent_dim)).reshape(3, 4, 32)
    np.testing.assert_array_equal(tokens, golden["infilled"])


def test_real_phrases_survive_the_autoencoder(preset):
    _, _, vae = preset
    melodies = [read_melodies(path)[0] for path in sorted((TESTS / "data").rglob("*validation*.mid"))]
    assert melodies
    tokens = np.concatenate([melody.phrases()[0] for melody in melodies])
    metrics = reconstruction_metrics(tokens, vae.decode(vae.encode(tokens)[0]))
    assert metrics["onset_accuracy"] > 0.7
    assert metrics["exact_phrases"] > 0.4


def test_the_presets_fit_in_a_wheel():
    assert sum(path.stat().st_size for path in PRESETS.rglob("*") if path.is_file()) < 45e6
