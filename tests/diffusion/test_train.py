import csv

import numpy as np
import pytest

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE
from keras_symdiff.diffusion.train import split_windows, train_diffusion
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import Corpus

SIZE = {
    "embed_dim": 8,
    "num_layers": 1,
    "num_heads": 2,
    "mlp_dim": 8,
    "num_residual_blocks": 1,
    "residual_dim": 8,
    "film_dim": 8,
}


def corpus_of(names):
    """One melody of 33 phrases, so two windows, a name."""
    number = 33 * len(names)
    corpus = Corpus(
        np.zeros((number, 32), "int8"), np.zeros(number, bool), np.arange(len(names) + 1) * 33, names, len(names), []
    )
    return LatentCorpus(corpus, np.zeros((number, 2)), np.ones((number, 2)), np.arange(number), "")


def test_no_file_stands_on_both_sides():
    names = [
        f"{folder}/tune{i}.mid#{part}" for i in range(200) for folder, part in (("a", "Lead #1"), ("b/C#", "x/#y"))
    ]
    latents = corpus_of(names)
    train, held_out = split_windows(latents)
    files = [{names[row // 33].split(".mid")[0].rpartition("/")[2] for row in side[:, 0]} for side in (train, held_out)]
    assert not files[0] & files[1]
    assert len(files[0] | files[1]) == 200
    assert 3 <= len(files[1]) <= 20
    assert len(train) + len(held_out) == 800


def test_needs_pieces_on_both_sides(tmp_path):
    with pytest.raises(ValueError, match=r"without a rest. Received: 0 and 1 pieces"):
        train_diffusion(None, np.zeros((0, 32), int), np.zeros((1, 32, 2)), None, None, tmp_path, {}, SIZE, 1)


def test_a_run_is_enough_to_go_on_from(tmp_path):
    stream = np.random.default_rng(0)
    latents = stream.standard_normal((40, 4)).astype("float32")
    transform = LatentTransform.fit(latents, kept_dims=[1, 3])
    scaled = transform.forward(latents).astype("float32")
    vae = MusicVAE(latent_dim=4, encoder_units=2, decoder_units=(2,))
    train_diffusion(
        scaled, stream.integers(0, 40, (10, 32)), scaled[stream.integers(0, 40, (3, 32))], transform, vae, tmp_path,
        {"seed": 0}, SIZE, epochs=3, steps=2, batch_size=4,
    )  # fmt: skip
    with open(tmp_path / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([1e-3, 0.98e-3, 0.98**2 * 1e-3], rel=1e-6)
    assert all(np.isfinite(float(row["val_loss"])) for row in rows)
    assert LatentDiffusion.from_preset(tmp_path).denoiser.channels == 2
    np.testing.assert_array_equal(LatentTransform.from_preset(tmp_path).kept_dims, [1, 3])
    assert MusicVAE.from_preset(tmp_path).fingerprint() == vae.fingerprint()
