import contextlib
import io
import sys

from keras_symdiff.cli.main import choose_backend, main

choose_backend()  # as `symdiff` does: before Keras is imported, which would take TensorFlow, installed or not

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

from keras_symdiff import (  # noqa: E402
    LatentDiffusion,
    LatentMDN,
    LatentTransform,
    MusicVAE,
    TransformerDenoiser,
    TransformerMDN,
)

VAE_SIZES = {"latent_dim": 4, "encoder_units": 8, "decoder_units": (8,)}
SIZES = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}


@pytest.fixture(scope="session")
def tiny_preset(tmp_path_factory):
    """A preset folder of untrained models: everything but the music is as it should be."""
    folder = tmp_path_factory.mktemp("preset")
    keras.utils.set_random_seed(1)
    MusicVAE(**VAE_SIZES).save_preset(folder)
    LatentDiffusion(TransformerDenoiser(channels=3, noise_embed_dim=8, film_dim=8, **SIZES)).save_preset(folder)
    LatentMDN(TransformerMDN(channels=3, num_mixtures=2, **SIZES)).save_preset(folder)
    transform = LatentTransform(np.array([0, 1, 3]), minimum=np.full(3, -2.0), maximum=np.full(3, 2.0), latent_dim=4)
    transform.save(folder / "latent_transform.json")
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
