import csv

import numpy as np
import pytest

from keras_symdiff import (
    LatentDiffusion,
    LatentMDN,
    LatentTransform,
    MusicVAE,
    TransformerDenoiser,
    TransformerMDN,
)
from keras_symdiff.music.condition import CONDITION_DIM
from keras_symdiff.training.train_latent_model import train_latent_model

SIZE = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}
MODELS = {
    LatentDiffusion: lambda: LatentDiffusion(TransformerDenoiser(channels=2, film_dim=8, **SIZE)),
    LatentMDN: lambda: LatentMDN(TransformerMDN(channels=2, num_mixtures=3, **SIZE)),
}


def test_needs_pieces_on_both_sides(tmp_path):
    with pytest.raises(ValueError, match=r"without a rest. Received: 0 and 1 pieces"):
        train_latent_model(
            None, None, np.zeros((0, 32), int), np.zeros((1, 32, 2)), None, None, tmp_path, {}, 1, 1e-3, 4
        )


@pytest.mark.parametrize("kind", MODELS)
def test_a_run_is_enough_to_go_on_from(tmp_path, kind):
    stream = np.random.default_rng(0)
    latents = stream.standard_normal((40, 4)).astype("float32")
    transform = LatentTransform.fit(latents, kept_dims=[1, 3])
    scaled = transform.forward(latents).astype("float32")
    vae = MusicVAE(latent_dim=4, encoder_units=2, decoder_units=(2,))
    train_latent_model(
        MODELS[kind], scaled, stream.integers(0, 40, (10, 32)), scaled[stream.integers(0, 40, (3, 32))], transform, vae,
        tmp_path, {"seed": 0}, epochs=3, learning_rate=1e-3, batch_size=4, steps=2,
    )  # fmt: skip
    with open(tmp_path / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx([1e-3, 0.98e-3, 0.98**2 * 1e-3], rel=1e-6)
    assert all(np.isfinite(float(row["val_loss"])) for row in rows)
    loaded = kind.from_preset(tmp_path)
    assert loaded.network.channels == 2
    assert loaded.weights_origin == "moving average (momentum 0.9999) after 6 steps"
    np.testing.assert_array_equal(LatentTransform.from_preset(tmp_path).kept_dims, [1, 3])
    assert MusicVAE.from_preset(tmp_path).fingerprint() == vae.fingerprint()


def test_a_run_with_conditions_cuts_pieces_from_songs(tmp_path):
    stream = np.random.default_rng(0)
    latents = stream.standard_normal((40, 4)).astype("float32")
    transform = LatentTransform.fit(latents, kept_dims=[1, 3])
    scaled = transform.forward(latents).astype("float32")
    songs = stream.integers(0, 40, (10, 50))
    songs[4:, 12:] = -1
    conditions = np.ones((10, 50, CONDITION_DIM), "float16")
    held_out = scaled[stream.integers(0, 40, (3, 32))], np.ones((3, 32, CONDITION_DIM), "float32")
    vae = MusicVAE(latent_dim=4, encoder_units=2, decoder_units=(2,))
    runs = {}
    for weights in (np.ones(10), np.ones(10), np.arange(10)):
        train_latent_model(
            lambda: LatentDiffusion(TransformerDenoiser(channels=2, film_dim=8, condition_dim=CONDITION_DIM, **SIZE)),
            scaled, songs, held_out, transform, vae, tmp_path / str(weights[-1]) / str(len(runs)), {}, epochs=2,
            learning_rate=1e-3, batch_size=4, steps=2, conditions=conditions, weights=weights,
        )  # fmt: skip
        runs[len(runs)] = LatentDiffusion.from_preset(tmp_path / str(weights[-1]) / str(len(runs))).get_weights()
    kernels = [run[0] for run in runs.values()]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])
