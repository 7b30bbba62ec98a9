import json
import os
import pathlib
import subprocess
import sys
import wave

import numpy as np
import pretty_midi
import pytest
import symusic
from matplotlib.image import imread

from keras_symdiff import read_melodies
from keras_symdiff.models.sizes import SIZES
from keras_symdiff.vae import sizes as vae_sizes

TESTS = pathlib.Path(__file__).parents[1]
LAKH = TESTS / "data" / "lakh"
TRAINING = ["--epochs", 1, "--steps", 2, "--batch-size", 4]


@pytest.fixture
def tiny_sizes(monkeypatch):
    """`--size small` is too big to train here."""
    monkeypatch.setitem(vae_sizes.SIZES, "small", {"latent_dim": 4, "encoder_units": 8, "decoder_units": (8,)})
    size = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "residual_dim": 8}
    monkeypatch.setitem(SIZES["diffusion"], "small", size | {"film_dim": 8})
    monkeypatch.setitem(SIZES["mdn"], "small", size | {"num_mixtures": 3})


def test_midi_in_new_and_infilled_midi_out(cli, tiny_sizes, tmp_path):
    def succeeds(*arguments):
        code, out, err = cli(*arguments)
        assert code == 0, err
        return out

    vae, latents, run = tmp_path / "vae", tmp_path / "all.npz", tmp_path / "run"
    succeeds("train-vae", LAKH, "-o", vae, *TRAINING)
    assert "64 bars" in succeeds("encode", LAKH, "-o", latents, "--preset", vae)
    train = ["train", latents, "--vae", vae, "--validation", latents, "--size", "small", "--threshold", 9, "-o", run]
    succeeds(*train, *TRAINING)
    assert {"config.json", "weights.npz"} == set(os.listdir(run / "latent_diffusion"))

    # Going on with other options is refused.
    code, _, err = cli(*train, *TRAINING, "--seed", 5)
    assert code == 1
    assert err.splitlines()[-1].startswith(f"Error: {run} holds a run with other options (seed: 0 there, 5 now)")

    succeeds("sample", "-n", 2, "-o", tmp_path / "two", "--preset", run, "--seed", 3)
    names = ["sample_3_000.mid", "sample_3_000.png", "sample_3_001.mid", "sample_3_001.png"]
    assert sorted(os.listdir(tmp_path / "two")) == names
    for path in (tmp_path / "two").glob("*.mid"):
        assert read_melodies(path)[0].num_bars == 64
        assert len(pretty_midi.PrettyMIDI(str(path)).instruments) == 1
        assert symusic.Score(path).note_num() == len(read_melodies(path)[0].pitches) > 0
        height, width, _ = imread(path.with_suffix(".png")).shape
        assert width > height > 300

    # Three pieces begin with the same two, in a process of its own too.
    command = [sys.executable, "-c", "from keras_symdiff.cli.main import main; main()"]
    command += ["sample", "-n", "3", "-o", tmp_path / "three", "--preset", run, "--seed", "3"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Wrote 3 melodies" in result.stdout
    assert "Sampling" in result.stderr
    for name in names[::2]:
        assert (tmp_path / "three" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()

    mdn = tmp_path / "mdn"
    succeeds(*train[:-1], mdn, "--model", "mdn", *TRAINING)
    assert json.loads((mdn / "training.json").read_text())["learning_rate"] == 3e-4  # the baseline's own default
    succeeds("sample", "-n", 1, "-o", tmp_path / "baseline", "--preset", mdn, "--audio")
    with wave.open(str(tmp_path / "baseline" / "sample_0_000.wav")) as file:
        assert file.getnframes() / file.getframerate() <= 64 * 2 + 5  # seconds: 2 a bar, and a tail
    assert read_melodies(tmp_path / "baseline" / "sample_0_000.mid")[0].num_bars == 64
    code, _, err = cli("sample", "-o", tmp_path / "baseline", "--preset", mdn, "--steps", 9)
    assert (code, err.splitlines()[-1].startswith("Error: --quality, --sampler and --steps are for")) == (2, True), err

    song = TESTS / "data" / "pop909" / "001.mid"
    out = succeeds("infill", song, "--bars", "18-21", "-o", tmp_path / "filled", "--preset", run, "--audio")
    assert "Melody: MELODY (track 1), because it is named 'MELODY'\n" in out
    assert "Composing bars 18-21\n" in out
    assert sorted(os.listdir(tmp_path / "filled")) == [
        f"001_bars18-21_0.{kind}" for kind in ("json", "mid", "png", "wav")
    ]
    old, new = read_melodies(song), read_melodies(tmp_path / "filled" / "001_bars18-21_0.mid")
    notes = [[list(zip(tune.start_steps, tune.pitches, tune.velocities, strict=True)) for tune in tunes]
             for tunes in (old, new)]  # fmt: skip
    assert notes[0][1:] == notes[1][1:]
    outside = [[note for note in tunes[0] if not 17 * 8 <= note[0] < 21 * 8] for tunes in notes]
    assert outside[0] == outside[1]
    assert notes[0][0] != notes[1][0]

    succeeds("decode", latents, "-o", tmp_path / "decoded", "--preset", run)
    assert len(os.listdir(tmp_path / "decoded")) == num_melodies(latents)


def test_melodies_over_chords_have_them_on_a_second_track(cli, hearing_preset, tmp_path):
    (tmp_path / "chords.txt").write_text("C | Am F\nG7 | %\n")
    asked = ["--chords", tmp_path / "chords.txt", "--key", "C", "--density", 4, "--range", "C4-C6", "--form", "AB"]
    command = ["sample", "-n", 2, "--bars", 16, *asked, "--steps", 3, "-o", tmp_path, "--preset", hearing_preset]
    code, _, err = cli(*command)
    assert code == 0, err
    assert "Note" not in err
    score = symusic.Score(tmp_path / "sample_0_000.mid")
    melody, chords = score.tracks
    assert (melody.name, chords.name) == ("sample_0_000", "CHORDS")
    assert [(key.time, key.key, key.tonality) for key in score.key_signatures] == [(0, 0, 0)]
    assert {note.pitch for note in melody.notes} <= set(range(60, 85))
    sounding = {note.pitch % 12 for note in chords.notes if note.time == 480 * 6}
    assert sounding == {5, 9, 0}  # F from the third quarter of bar 2
    assert max(note.time + note.duration for note in chords.notes) == 16 * 4 * 480


def test_a_preset_that_hears_nothing_says_so_in_one_line(cli, tiny_preset, tmp_path):
    code, _, err = cli("sample", "-n", 1, "--steps", 1, "--chords", "C", "-o", tmp_path, "--preset", tiny_preset)
    assert code == 0, err
    notes = [line for line in err.splitlines() if line.startswith("Note: ")]
    assert notes == [f"Note: {tiny_preset} hears no harmony: it ignores chords"]


def num_melodies(latents):
    with np.load(latents) as archive:
        return len(archive["names"])


@pytest.mark.parametrize(
    ("options", "resolved"),
    [
        ([], ("normal", "dpm-solver-sde", 25)),
        (["--quality", "best"], ("best", "dpm-solver-sde", 100)),
        (["--quality", "draft", "--sampler", "heun"], ("draft", "heun", 10)),
        (["--steps", 7], ("normal", "dpm-solver-sde", 7)),
    ],
)
def test_a_quality_stands_for_a_sampler_and_steps_that_can_be_overridden(cli, tmp_path, options, resolved):
    code, out, _ = cli("sample", "-o", tmp_path / "out", "--dry-run", *options)
    config = json.loads(out)
    assert (code, config["quality"], config["sampler"], config["steps"]) == (0, *resolved)


@pytest.mark.parametrize("verb", ["train-vae", "train"])
def test_a_dry_run_prints_the_configuration_and_writes_nothing(cli, tmp_path, verb):
    vae = ["--vae", "x"] if verb == "train" else []
    code, out, _ = cli(verb, LAKH, "-o", tmp_path / "run", *vae, "--dry-run", "--steps", 7)
    config = json.loads(out)
    assert code == 0
    assert (config["paths"], config["steps"], config["seed"]) == ([str(LAKH)], 7, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_magenta_encodes(cli, tmp_path):
    pytest.importorskip("tensorflow")
    prefix = TESTS / "golden" / "musicvae_tiny" / "musicvae_tiny.ckpt"
    code, out, err = cli("import-magenta", prefix, "-o", tmp_path / "preset")
    assert code == 0, err
    assert "parameters" in out
    tune = LAKH / "melody_0.mid"
    code, out, err = cli("encode", tune, "-o", tmp_path / "a.npz", "--preset", tmp_path / "preset")
    assert code == 0, err
    assert "1 melody, 32 phrases" in out
