"""What comes from outside and is broken or hostile ends as one line, and leaves nothing behind."""

import hashlib
import io
import json
import os
import pathlib
import shutil
import zipfile

import numpy as np
import pytest
from test_errors import fails

from keras_symdiff import MusicVAE
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus

DATA = pathlib.Path(__file__).parents[1] / "data"
SONG = DATA / "pop909" / "001.mid"
MELODY = DATA / "lakh" / "melody_0.mid"
RECORD = pathlib.Path(__file__).parents[1] / "golden" / "takes" / "001_bars34-44_2_take2.json"


def with_weights(preset, folder, part, change):
    """Copies a preset with other weights in one part, whose hash is right."""
    shutil.copytree(preset, folder)
    with np.load(folder / part / "weights.npz") as archive:
        arrays = [change(archive[f"arr_{number}"]) for number in range(len(archive.files))]
    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    (folder / part / "weights.npz").write_bytes(buffer.getvalue())
    card = json.loads((folder / part / "config.json").read_text())
    card["weights_sha256"] = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / part / "config.json").write_text(json.dumps(card))
    return folder


def to_nan(array):
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array


@pytest.mark.parametrize("part", ["music_vae", "latent_diffusion"])
@pytest.mark.parametrize("verb", [["sample", "-n", 1], ["infill", SONG, "--bars", "17-18"]])
def test_a_preset_of_nan_with_the_right_hash(cli, tiny_preset, tmp_path, part, verb):
    preset = with_weights(tiny_preset, tmp_path / "preset", part, to_nan)
    fails(cli(*verb, "--preset", preset, "-o", tmp_path / "out"), f"{part}/weights.npz must be finite")
    assert not (tmp_path / "out").exists()


def test_weights_that_overflow_write_no_music(cli, tiny_preset, tmp_path):
    """Finite weights, of which the network makes infinity and NaN."""
    preset = with_weights(tiny_preset, tmp_path / "preset", "latent_diffusion", lambda array: array + 1e30)
    code, _, err = cli("sample", "-n", 1, "--preset", preset, "-o", tmp_path / "out")
    assert code == 1
    assert err.splitlines()[-1].startswith("Error: Generated latents must be finite. Received: 96 of 96 numbers")
    assert not list(tmp_path.glob("out/*"))


def latents_with(folder, preset, **changes):
    path = folder / "latents.npz"
    LatentCorpus.encode(MusicVAE.from_preset(preset), read_corpus(MELODY)).save(path)
    with np.load(path) as archive:
        fields = dict(archive)
    for name, change in changes.items():
        change(fields[name])
    np.savez(path, **fields)
    return path


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("inverse", 10**6, "`inverse` must be in"),
        ("offsets", 10**6, "`offsets` must rise"),
        ("mean", np.nan, "must be finite"),
    ],
)
def test_latents_that_point_nowhere(cli, tiny_preset, tmp_path, name, value, message):
    path = latents_with(tmp_path, tiny_preset, **{name: lambda array: array.reshape(-1).__setitem__(0, value)})
    result = cli("decode", path, "--preset", tiny_preset, "-o", tmp_path / "out")
    fails(result, f"{path} does not hold encoded melodies (see `symdiff encode`)")
    assert message in result[2]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: 100_000 * "[", "JSON is nested at most"),
        (lambda record: '{"request":' + 100_000 * "[" + 100_000 * "]" + "}", "JSON is nested at most"),
        (lambda record: record["request"]["sampler"].update(resamplings=10**8), "`resamplings` must be"),
        (lambda record: record["request"]["sampler"].update(num_steps=10**8), "`num_steps` must be"),
        (lambda record: record["request"].update(continue_bars=10**8), "`continue_bars` must be"),
        (lambda record: record["request"].update(temperature=1e308), "`temperature` must be"),
        (lambda record: record["request"].update(bars=["1-4"] * 5000), "`bars` must be at most 4096 ranges"),
        (lambda record: record["request"].update(key_cost=1e300), "`key_cost` must be in"),
        (lambda record: record["request"].update({"x" * 10**6: 1}), "is not the record of a take"),
        (lambda record: record["request"].update(seed=10**400), "`seed` must be"),
        (lambda record: record.update(take=10**400), "`take` must be"),
        (lambda record: record.update(file=".bashrc"), "`file` must end in .mid or .midi"),
        (lambda record: record.update(file="a.mid\0.sh"), "`file` must end in .mid or .midi"),
    ],
)
def test_records_that_ask_for_too_much(cli, tmp_path, change, message):
    record = json.loads(RECORD.read_text())
    text = change(record) or json.dumps(record)
    (tmp_path / "take.json").write_text(text)
    result = cli("replay", tmp_path / "take.json", "-o", tmp_path / "out")
    fails(result, "take.json is not the record of a take")
    assert message in result[2]
    assert len(result[2]) < 1000
    assert not (tmp_path / "out").exists()


def test_an_archive_that_unpacks_to_too_much(cli, tiny_preset, tmp_path):
    with zipfile.ZipFile(tmp_path / "songs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.mid", bytes(70 << 20))
    result = cli("encode", tmp_path / "songs.zip", "--publish", tmp_path / "data", "--preset", tiny_preset)
    assert result[2].splitlines()[-1].startswith("Error: A source is a folder or a whole archive")
    assert "an archive unpacks to at most 100 times its size" in result[2]
    assert result[0] == 1
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1 << 20


NAMES = [b"caf\xe9 $x^2$.mid", b"a" * 251 + b".mid", b"$\\frac{.mid", b"new\nline <b>&.mid"]


@pytest.mark.parametrize("name", NAMES)
def test_file_names_of_any_bytes(cli, tiny_preset, tmp_path, name):
    folder = tmp_path / "songs"
    folder.mkdir()
    path = os.fsencode(folder) + b"/" + name
    try:
        shutil.copy(SONG, path)
    except OSError:
        pytest.skip("a name that this file system does not take")
    path = os.fsdecode(path)
    common = ["--bars", "17-18", "--steps", 2, "--preset", tiny_preset]
    for number, takes in enumerate(([], ["--takes", 2])):
        out = tmp_path / f"out{number}"
        code, _, err = cli("infill", path, *common, *takes, "-o", out)
        assert code == 0, err
        kinds = {file.suffix for file in out.iterdir()}
        assert kinds == {".mid", ".json"} | ({".html"} if takes else {".png"})
        record = sorted(out.glob("*.json"))[0]
        code, _, err = cli("replay", record, "-o", tmp_path / f"again{number}")
        assert code == 0, err
    for verb in (["inspect", path], ["inspect", folder]):
        assert cli(*verb)[0] == 0
    code, _, err = cli("encode", folder, "-o", tmp_path / "a.npz", "--preset", tiny_preset)
    assert code == 0, err
    code, _, err = cli("decode", tmp_path / "a.npz", "-o", tmp_path / "decoded", "--preset", tiny_preset)
    assert code == 0, err
    code, _, err = cli("encode", folder, "--publish", tmp_path / "data", "--preset", tiny_preset)
    assert code == 0, err


@pytest.mark.parametrize("verb", [["sample", "-n", 1], ["infill", SONG, "--bars", "17-18"]])
def test_an_output_folder_that_cannot_be_made_is_found_before_the_model_loads(cli, tmp_path, verb):
    (tmp_path / "file").touch()
    result = cli(*verb, "--preset", "no_such_preset", "-o", tmp_path / "file" / "out")
    fails(result, "file/out: Not a directory")
