import tarfile
from pathlib import Path

import numpy as np
import pytest
from keras import ops

from keras_symdiff import MusicVAE
from keras_symdiff.vae.magenta_checkpoint import assign_magenta_variables, read_magenta_checkpoint

pytest.importorskip("tensorflow", reason="reads TF1 checkpoints")

GOLDEN = Path(__file__).parents[1] / "golden" / "musicvae_tiny"
PREFIX = GOLDEN / "musicvae_tiny.ckpt"


@pytest.fixture(scope="module")
def vae():
    return MusicVAE.from_magenta_checkpoint(PREFIX)


@pytest.fixture(scope="module")
def golden():
    return np.load(GOLDEN / "golden.npz")


def test_posterior_matches_magentas_graph(vae, golden):
    mean, stddev = vae.encode(golden["tokens"])
    np.testing.assert_allclose(mean, golden["mu"], atol=1e-4)
    np.testing.assert_allclose(stddev, golden["sigma"], atol=1e-4)


def test_decoded_tokens_match_magentas_graph_up_to_a_near_tie(vae, golden):
    """At temperature 1e-3 noise decides between logits that differ by less than 0.005, and the rest follows from it."""
    expected = golden["decoded_tokens"]
    decoded = vae.decode(golden["z"], temperature=1e-3)
    logits = ops.convert_to_numpy(vae.decoder.teacher_forced(golden["z"], expected, np.ones(expected.shape)))
    differ = (decoded != expected).any(axis=1)
    for phrase in np.flatnonzero(differ):
        step = (decoded[phrase] != expected[phrase]).argmax()
        ours, theirs = logits[phrase, step, [decoded[phrase, step], expected[phrase, step]]]
        assert abs(ours - theirs) < 0.005
    assert not differ.all()


def test_archive_holds_the_same_model(vae, golden, tmp_path):
    with tarfile.open(tmp_path / "model.tar", "w") as archive:
        for part in sorted(GOLDEN.glob("musicvae_tiny.ckpt.*")):
            archive.add(part, arcname=f"model/{part.name}")
    from_archive = MusicVAE.from_magenta_checkpoint(tmp_path / "model.tar")
    np.testing.assert_array_equal(from_archive.encode(golden["tokens"])[0], vae.encode(golden["tokens"])[0])


def test_missing_and_misshapen_variables_are_named_with_both_shapes(vae):
    variables = read_magenta_checkpoint(PREFIX)
    name = "decoder/output_projection/kernel"
    with pytest.raises(ValueError, match=r"decoder/output_projection/kernel has shape \(3, 90\), expected \(32, 90\)"):
        assign_magenta_variables(vae, variables | {name: np.zeros((3, 90), "float32")})
    del variables[name]
    with pytest.raises(ValueError, match="no variable decoder/output_projection/kernel"):
        assign_magenta_variables(vae, variables)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Not a TF1 checkpoint prefix"):
        MusicVAE.from_magenta_checkpoint(tmp_path / "nothing.ckpt")
    for part in GOLDEN.glob("musicvae_tiny.ckpt.*"):
        data = part.read_bytes()
        (tmp_path / part.name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="Damaged checkpoint"):
        MusicVAE.from_magenta_checkpoint(tmp_path / PREFIX.name)


def test_golden_tokens_are_likeliest_but_for_the_dice(vae, golden):
    """Whatever our noise: at temperature 1e-3 a gap of 0.005 is lost once in e^5 draws of one rival."""
    tokens = golden["decoded_tokens"]
    logits = ops.convert_to_numpy(vae.decoder.teacher_forced(golden["z"], tokens, np.ones(tokens.shape)))  # (8, 32, 90)
    chosen = np.take_along_axis(logits, tokens[:, :, None], axis=-1)[:, :, 0]
    gaps = logits.max(axis=-1) - chosen  # (8, 32)
    assert gaps.max() < 0.005
    assert (gaps == 0).mean() > 0.95
    assert len(np.unique(tokens)) > 5
