import csv
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from keras_symdiff import Composer, LatentDiffusion, LatentMDN, LatentTransform, MusicVAE, TransformerDenoiser
from keras_symdiff.evaluation.real_pieces import piece_rows
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.models import sizes
from keras_symdiff.music.corpus import read_corpus
from keras_symdiff.music.transpose import corpus_in_home_key
from keras_symdiff.presets.reference_pieces import MOST_PIECES, read_reference_pieces

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"
SIZES = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}


@pytest.fixture(scope="module")
def latents(tiny_preset, tmp_path_factory):
    """Melodies that the tiny preset encoded."""
    path = tmp_path_factory.mktemp("latents") / "lakh.npz"
    LatentCorpus.encode(MusicVAE.from_preset(tiny_preset), read_corpus([LAKH])).save(path)
    return path


def fine_tune(latents, preset, *more):
    return ["train", latents, "--validation", latents, "--init-from", preset, "--steps", 2, "--batch-size", 4, *more]


@pytest.mark.parametrize(("model", "kind"), [("diffusion", LatentDiffusion), ("mdn", LatentMDN)])
def test_fine_tuning_starts_from_the_presets_weights(cli, tiny_preset, latents, tmp_path, model, kind):
    # At such a rate a step is below the last bit of all weights but zeros.
    arguments = ["--model", model, "--epochs", 1, "--learning-rate", 1e-30, "-o", tmp_path / "run"]
    code, _, err = cli(*fine_tune(latents, tiny_preset, *arguments))
    assert code == 0, err
    run, preset = kind.from_preset(tmp_path / "run"), kind.from_preset(tiny_preset)
    for now, before in zip(run.network.get_weights(), preset.network.get_weights(), strict=True):
        np.testing.assert_allclose(now, before, rtol=0, atol=1e-29)
    corpus, transform = LatentCorpus.load(latents), LatentTransform.from_preset(tiny_preset)
    scaled = transform.forward(corpus.mean[corpus.windows()]).astype("float32")
    preset.compile()
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    expected = preset.evaluate(preset.validation_batches(scaled), verbose=0)
    assert float(row["val_loss"]) == pytest.approx(expected, rel=1e-5)
    # Sampling needs the run alone.
    assert LatentTransform.from_preset(tmp_path / "run").get_config() == transform.get_config()
    assert MusicVAE.from_preset(tmp_path / "run").fingerprint() == corpus.encoder


def test_fine_tuning_goes_on_where_it_stopped_and_not_from_another_preset(cli, tiny_preset, latents, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder, epochs in ((whole, 2), (stopped, 1), (stopped, 2)):
        code, _, err = cli(*fine_tune(latents, tiny_preset, "--epochs", epochs, "--seed", 3, "-o", folder))
        assert code == 0, err
    assert json.loads((whole / "training.json").read_text())["learning_rate"] == 1e-4
    preset = LatentDiffusion.from_preset(tiny_preset).network.get_weights()
    runs = [LatentDiffusion.from_preset(folder).network.get_weights() for folder in (whole, stopped)]
    for before, *after in zip(preset, *runs, strict=True):
        np.testing.assert_array_equal(*after)
        assert not np.array_equal(before, after[0])

    other = shutil.copytree(tiny_preset, tmp_path / "other")
    code, _, err = cli(*fine_tune(latents, other, "--epochs", 3, "--seed", 3, "-o", stopped))
    assert code == 1
    told = f"stopped holds a run with other options (init_from: {tiny_preset} there, {other} now)"
    assert told in err.splitlines()[-1]


@pytest.mark.parametrize(("option", "value"), [("--vae", "lakh_small"), ("--size", "small"), ("--threshold", 1)])
def test_what_the_preset_decides_is_not_asked_for(cli, tiny_preset, latents, tmp_path, option, value):
    code, _, err = cli(*fine_tune(latents, tiny_preset, "-o", tmp_path / "run", option, value))
    assert code == 2
    assert err.startswith(f"Error: {option} does not go with --init-from, which has its own.")
    assert not (tmp_path / "run").exists()


def test_fine_tuning_may_begin_to_give_phrases(cli, tiny_preset, latents, tmp_path):
    assert LatentDiffusion.from_preset(tiny_preset).given_share == 0
    code, _, err = cli(*fine_tune(latents, tiny_preset, "--given-share", 0.5, "--epochs", 1, "-o", tmp_path / "run"))
    assert code == 0, err
    assert LatentDiffusion.from_preset(tmp_path / "run").given_share == 0.5
    code, _, err = cli(*fine_tune(latents, tmp_path / "run", "--epochs", 1, "-o", tmp_path / "again"))
    assert code == 0, err
    assert LatentDiffusion.from_preset(tmp_path / "again").given_share == 0.5


@pytest.mark.parametrize("option", [("--step-power", 2), ("--given-share", 0.5), ("--conditions",)])
def test_options_of_diffusion_are_not_the_mdns(cli, latents, tmp_path, option):
    arguments = ("train", latents, "--vae", "lakh_small", "--model", "mdn", *option, "-o", tmp_path / "run")
    code, _, err = cli(*arguments)
    assert code == 2
    assert err.startswith("Error: --step-power, --given-share and --conditions are for diffusion models.")


def test_a_model_that_hears_trains_from_what_encode_wrote(cli, hearing_preset, tmp_path, monkeypatch):
    monkeypatch.setitem(sizes.SIZES["diffusion"], "small", SIZES | {"film_dim": 8})
    files = [LAKH.parent / "pop909" / f"{song}.mid" for song in ("001", "098", "203")]
    code, _, err = cli("encode", *files, "--preset", hearing_preset, "-o", tmp_path / "songs.npz")
    assert code == 0, err
    options = ["--steps", 2, "--epochs", 1, "--batch-size", 2, "-o"]
    songs = [tmp_path / "songs.npz", "--validation", tmp_path / "songs.npz"]
    code, out, err = cli("train", *songs, "--init-from", hearing_preset, *options, tmp_path / "tuned")
    assert code == 0, err
    assert "pieces of 16 to 64 bars to train on" in out
    code, _, err = cli(
        "train", *songs, "--vae", hearing_preset, "--size", "small", "--threshold", 99, "--conditions", *options,
        tmp_path / "new",
    )  # fmt: skip
    assert code == 0, err
    for run in ("tuned", "new"):
        composer = Composer.from_preset(tmp_path / run)
        assert composer.hears
        assert composer.one_key
        assert composer.forms is not None
        in_c = corpus_in_home_key(LatentCorpus.load(tmp_path / "songs.npz").corpus)
        in_c = in_c.tokens[piece_rows(in_c, MOST_PIECES)]
        np.testing.assert_array_equal(read_reference_pieces(tmp_path / run), in_c)


def test_whether_a_preset_hears_is_not_asked_for(cli, tiny_preset, latents, tmp_path):
    code, _, err = cli(*fine_tune(latents, tiny_preset, "--conditions", "-o", tmp_path / "run"))
    assert code == 2
    assert err.startswith("Error: --conditions does not go with --init-from, which has its own.")


def test_training_needs_an_encoder(cli, latents, tmp_path):
    code, _, err = cli("train", latents, "-o", tmp_path / "run")
    assert (code, err) == (2, "Error: Name one of --vae and --init-from. (see symdiff train --help)\n")


def test_presets_that_cannot_be_fine_tuned(cli, tiny_preset, latents, tmp_path):
    def last_line(folder, *more):
        code, _, err = cli(*fine_tune(latents, folder, "-o", tmp_path / "run", *more))
        assert code == 1
        assert not os.path.exists(tmp_path / "run")
        return err.splitlines()[-1]

    preset = shutil.copytree(tiny_preset, tmp_path / "preset")
    shutil.rmtree(preset / "latent_mdn")
    assert last_line(preset, "--model", "mdn").startswith("Error: Not a trained model (no readable config.json)")

    LatentDiffusion(TransformerDenoiser(channels=2, film_dim=8, **SIZES)).save_preset(preset)
    assert last_line(preset).startswith("Error: The model is of 32 phrases with 2 channels. Received: pieces of 32 ")

    MusicVAE(latent_dim=5, encoder_units=8, decoder_units=(8,)).save_preset(preset)
    assert last_line(preset) == f"Error: {latents} was encoded by another MusicVAE than the one named here"
