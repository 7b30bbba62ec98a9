import contextlib
import io
import os
import sys

import checked_annotations  # noqa: F401 (before the packages: from here on their annotations are checked)
import numpy as np
import pytest

import keras_symdiff
from keras_symdiff.cli.main import main

os.environ["KERAS_SYMDIFF_CACHE"] = ""  # tests leave the user's cache alone

VAE_SIZES = {"latent_dim": 4, "encoder_units": 8, "decoder_units": (8,)}
SIZES = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}


@pytest.fixture(scope="session")
def tiny_preset(tmp_path_factory):
    """A preset folder of untrained models: everything but the music is as it should be."""
    import keras  # here: tests that use no model run without Keras, and `.ci/run` runs them without a backend

    folder = tmp_path_factory.mktemp("preset")
    keras.utils.set_random_seed(1)
    keras_symdiff.MusicVAE(**VAE_SIZES).save_preset(folder)
    denoiser = keras_symdiff.TransformerDenoiser(channels=3, noise_embed_dim=8, film_dim=8, **SIZES)
    keras_symdiff.LatentDiffusion(denoiser).save_preset(folder)
    keras_symdiff.LatentMDN(keras_symdiff.TransformerMDN(channels=3, num_mixtures=2, **SIZES)).save_preset(folder)
    kept_dims, bound = np.array([0, 1, 3]), np.full(3, 2.0)
    transform = keras_symdiff.LatentTransform(kept_dims, minimum=-bound, maximum=bound, latent_dim=4)
    transform.save(folder / "latent_transform.json")
    return folder


@pytest.fixture(scope="session")
def hearing_preset(tiny_preset, tmp_path_factory):
    """A preset folder of untrained models that hear conditions, with a table of forms."""
    import shutil

    from keras_symdiff.music.condition import CONDITION_DIM
    from keras_symdiff.music.form import FormTable

    folder = tmp_path_factory.mktemp("hearing") / "preset"
    shutil.copytree(tiny_preset, folder)
    stream = np.random.default_rng(3)  # Keras would draw other weights on each backend

    def draw_weights(model):
        model.set_weights([0.5 * stream.standard_normal(weights.shape) for weights in model.get_weights()])

    vae = keras_symdiff.MusicVAE.from_preset(str(tiny_preset))
    draw_weights(vae)
    vae.decoder.logits.kernel.assign(20 * vae.decoder.logits.kernel)  # so that latents decode to different phrases
    vae.save_preset(folder)
    denoiser = keras_symdiff.TransformerDenoiser(
        channels=3, noise_embed_dim=8, film_dim=8, condition_dim=CONDITION_DIM, **SIZES
    )
    draw_weights(denoiser)
    keras_symdiff.LatentDiffusion(denoiser, given_share=0.5).save_preset(folder)
    pieces = np.zeros((2, 32, 32), np.int8)
    pieces[:, :, 0] = 40 + np.stack([np.arange(32) % 4, np.arange(32) // 16 * 16 + np.arange(32) % 8])
    FormTable.of(list(pieces)).save(folder / "forms.npz")
    return folder


@pytest.fixture
def cli(monkeypatch):
    """Runs the command line in this process: `cli("sample", "-n", 2) -> (exit code, stdout, stderr)`."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["symdiff", *map(str, arguments)])
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as error:
                code = error.code
        return code, out.getvalue(), err.getvalue()

    return run
