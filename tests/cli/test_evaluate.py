import json
import pathlib
import shutil

import pytest

from keras_symdiff.latents.piece_rows import piece_rows
from keras_symdiff.music.corpus import read_corpus
from keras_symdiff.presets.reference_pieces import write_reference_pieces
from keras_symdiff.presets.training_phrases import write_training_phrases

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"
PICTURES = [
    "figure_10_n_0_i_prior.png",
    "figure_2_infills.png",
    "figure_3_refinement.png",
    "figure_5_posterior_stddev.png",
    "figure_6_test_data.png",
    "figure_7_diffusion.png",
    "figure_8_autoregression.png",
    "figure_9_interpolation.png",
    "histograms.png",
]


@pytest.fixture(scope="module")
def command(tiny_preset):
    return ["evaluate", "--run", tiny_preset, "--baseline", tiny_preset, "--data", LAKH, "-n", 3, "--steps", 4]


def test_a_report_and_the_same_again_after_a_kill(cli, command, tmp_path):
    report = tmp_path / "report"
    code, _, err = cli(*command, "--train", LAKH, "-o", report)
    assert code == 0, err
    assert "infilling: Diffusion" in err
    drawings = [picture.replace(".png", ".svg") for picture in PICTURES]
    files = {path.name: path.read_bytes() for path in report.iterdir() if path.is_file()}
    assert sorted(files) == sorted(
        [*PICTURES, *drawings, "report.json", "settings.json", "summary.csv", "summary.tex", "tables.md"]
    )
    assert max(len(files[name]) for name in PICTURES) < 300_000
    scores = json.loads(files["report.json"])
    assert scores["unconditional"]["Diffusion"]["num_pieces"] == 3
    tables = files["tables.md"].decode()
    assert f"| Train data ({scores['unconditional']['Train data']['num_pieces']}) | 1.00 [" in tables
    assert "| 0.97 / 0.87 / 0.97 / 0.80 |" in tables  # the paper's infills

    assert scores["scoreboard"]["num_pieces"] == 3
    assert "| Autoencoder alone | " in tables

    # A killed report: some of its pieces are there. What is there is not made again.
    again = tmp_path / "again"
    (again / "pieces").mkdir(parents=True)
    shutil.copy(report / "settings.json", again)
    for name in ("unconditional_diffusion_0000.npz", *(f"state_{step:04d}.npz" for step in range(5))):
        shutil.copy(report / "pieces" / name, again / "pieces")
    made = (again / "pieces" / "unconditional_diffusion_0000.npz").stat().st_mtime_ns
    assert cli(*command, "--train", LAKH, "-o", again)[0] == 0
    assert (again / "pieces" / "unconditional_diffusion_0000.npz").stat().st_mtime_ns == made
    for name, content in files.items():
        assert (again / name).read_bytes() == content, name

    code, _, err = cli(*command, "--train", LAKH, "--seed", 1, "-o", report)
    assert code == 1
    assert "holds a run with other options (seed: 0 there, 1 now)" in err.splitlines()[-1]


def test_a_quality_samples_as_users_do(cli, command, tmp_path):
    *command, _, _ = command  # without --steps
    code, _, err = cli(*command, "--train", LAKH, "--quality", "draft", "-o", tmp_path / "report")
    assert code == 0, err
    settings = json.loads((tmp_path / "report" / "report.json").read_text())["settings"]
    assert (settings["quality"], settings["steps"], settings["sampler"]["num_steps"]) == ("draft", None, 10)
    code, _, err = cli(*command, "--steps", 4, "--quality", "draft", "-o", tmp_path / "report")
    assert (code, "Name one of --quality and --steps." in err.splitlines()[-1]) == (2, True), err


def test_training_music_is_named_or_shipped(cli, command, tiny_preset, tmp_path):
    code, _, err = cli(*command, "-o", tmp_path / "report")
    assert code == 1
    assert err.splitlines()[-1].endswith("ships no reference_pieces.npz: name its training melodies with --train")

    preset = shutil.copytree(tiny_preset, tmp_path / "preset")
    corpus = read_corpus(LAKH)
    write_reference_pieces(preset, corpus.tokens[piece_rows(corpus, 1000)])
    code, _, err = cli(*command, "--run", preset, "-o", tmp_path / "report")
    assert code == 1
    assert err.splitlines()[-1].endswith("ships no training_phrases.npz: name its training melodies with --train")

    write_training_phrases(preset, corpus.tokens)
    code, _, err = cli(*command, "--run", preset, "-o", tmp_path / "report")
    assert code == 0, err
    scores = json.loads((tmp_path / "report" / "report.json").read_text())["unconditional"]
    assert scores["Train data"]["statistics"]["training_phrase_rate"]["value"] == 1
    assert scores["Test data"]["statistics"]["training_phrase_rate"]["value"] == 1  # the same songs


def test_a_model_that_hears_is_asked_and_compared_with_the_harmony(cli, hearing_preset, tmp_path):
    report = tmp_path / "report"
    code, _, err = cli(
        "evaluate", "--run", hearing_preset, "--baseline", hearing_preset, "--data", LAKH, "--train", LAKH,
        "-n", 3, "--steps", 4, "-o", report,
    )  # fmt: skip
    assert code == 0, err
    scores = json.loads((report / "report.json").read_text())
    fits = scores["chord_fit"]
    assert fits["num_pieces"] >= 1
    assert len(fits["rows"]) == 7
    own = fits["rows"]["The song's own"]["chord_tone_time"]["value"]
    assert own > fits["rows"]["The song's own, 3 bars late"]["chord_tone_time"]["value"]
    assert scores["control"]["num_pieces"] == 3
    assert scores["control"]["form"]["planned_exact"]["value"] in (None, 1)  # tied, if a plan that was drawn repeats
    tables = (report / "tables.md").read_text()
    assert "| Infill that hears the harmony | " in tables
    assert "Asked against got, correlation: density " in tables


def test_a_baseline_without_an_mdn_is_refused(cli, command, tiny_preset, tmp_path):
    shutil.copytree(tiny_preset, tmp_path / "diffusion", ignore=shutil.ignore_patterns("latent_mdn"))
    code, _, err = cli(*command, "--train", LAKH, "--baseline", tmp_path / "diffusion", "-o", tmp_path / "report")
    assert code == 1
    assert "no readable config.json" in err.splitlines()[-1]
    assert not (tmp_path / "report").exists()
