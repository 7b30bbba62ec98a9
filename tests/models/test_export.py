"""The denoiser leaves Keras: for TensorFlow, and as ONNX."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_symdiff import LatentDiffusion, MusicVAE, TransformerDenoiser
from keras_symdiff.music.condition import CONDITION_DIM

BACKEND = keras.backend.backend()
SIZES = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}
PIECES = 1 if BACKEND == "torch" else 5  # PyTorch exports fixed shapes


@pytest.fixture(scope="module", params=[{}, {"copies": True, "condition_dim": CONDITION_DIM}], ids=["paper", "hears"])
def exported(request):
    """A model, what it is called with, and what it returns."""
    denoiser = TransformerDenoiser(4, 3, noise_embed_dim=8, film_dim=8, **SIZES, **request.param)
    stream = np.random.default_rng(0)
    inputs = [stream.standard_normal((PIECES, *x.shape[1:])) for x in denoiser.inputs if x.name != "noise_level"]
    inputs.insert(1, stream.uniform(0.1, 0.9, (PIECES, 1)))
    for condition in inputs[2:]:
        condition[:, :, 0] = np.tri(PIECES, 4)  # pieces of one phrase and more; what follows is padding
    inputs = [array.astype("float32") for array in inputs]
    return LatentDiffusion(denoiser), inputs, ops.convert_to_numpy(denoiser(inputs))


def test_as_a_saved_model(exported, tmp_path):
    tf = pytest.importorskip("tensorflow")
    model, inputs, expected = exported
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="Keras writes no SavedModel of this model from PyTorch"):
            model.export(tmp_path / "denoiser", verbose=False)
        return
    model.export(tmp_path / "denoiser", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "denoiser"))
    np.testing.assert_allclose(loaded.serve([tf.constant(x) for x in inputs]), expected, atol=1e-5)


def test_a_vae_as_a_saved_model(tmp_path):
    if BACKEND == "torch":
        pytest.skip("Keras writes none from PyTorch")
    tf = pytest.importorskip("tensorflow")
    vae = MusicVAE(latent_dim=3, encoder_units=4, decoder_units=(4,))
    vae.decoder.logits.kernel.assign(20 * vae.decoder.logits.kernel)
    tokens = np.random.default_rng(0).integers(0, 90, (5, 32)).astype("int32")
    vae.export(tmp_path / "vae", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "vae"))
    np.testing.assert_array_equal(loaded.serve(tf.constant(tokens)), vae.predict(tokens, verbose=0))


def test_as_onnx(exported, tmp_path):
    for name in {"jax": ["jax2onnx"], "tensorflow": ["tf2onnx"], "torch": ["onnx", "onnxscript"]}[BACKEND]:
        pytest.importorskip(name)
    onnxruntime = pytest.importorskip("onnxruntime")
    model, inputs, expected = exported
    path = str(tmp_path / "denoiser.onnx")
    model.export(path, format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(path)
    named = {place.name: x for place, x in zip(session.get_inputs(), inputs, strict=True)}
    np.testing.assert_allclose(session.run(None, named)[0], expected, atol=1e-5)
