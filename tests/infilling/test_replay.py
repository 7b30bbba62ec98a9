import json
import pathlib
import shutil

import numpy as np
import pytest

from keras_symdiff import Composer, read_melodies
from keras_symdiff.infilling import make_takes as make_takes_module
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.infilling.take_record import TakeRecord

SONG = pathlib.Path(__file__).parents[1] / "data" / "pop909" / "001.mid"
RECORD = pathlib.Path(__file__).parents[1] / "golden" / "takes" / "001_bars34-44_2_take2.json"
TAKES = ["infill", "--bars", "17-20", "--takes", 3, "--seed", 2, "--steps", 3]


@pytest.fixture
def made(cli, tiny_preset, tmp_path):
    """Takes of a song and a preset that a test may change: the folder, and what was printed."""
    shutil.copy(SONG, tmp_path / "song.mid")
    shutil.copytree(tiny_preset, tmp_path / "preset")
    command = [*TAKES, tmp_path / "song.mid", "--preset", tmp_path / "preset", "-o", tmp_path / "out"]
    code, out, err = cli(*command)
    assert code == 0, err
    return tmp_path, out


def test_replay_gives_the_same_bytes(cli, made):
    folder, _ = made
    records = sorted((folder / "out").glob("*.json"))
    assert records
    for record in records:
        code, out, err = cli("replay", record, "-o", folder / "again")
        assert code == 0, err
        again = folder / "again" / record.with_suffix(".mid").name
        assert again.read_bytes() == record.with_suffix(".mid").read_bytes()
        assert out == f"Wrote {again}, the same bytes as recorded\n"
    # The song, the takes and the preset may move together, and a take is replayed in its place.
    (folder / "out").rename(folder / "moved")
    record = folder / "moved" / records[0].name
    expected = record.with_suffix(".mid").read_bytes()
    record.with_suffix(".mid").unlink()
    assert cli("replay", record)[0] == 0
    assert record.with_suffix(".mid").read_bytes() == expected


def test_a_take_that_another_backend_made_is_the_same_bytes_here(cli, tmp_path):
    """Made on JAX; when the preset changes, `symdiff infill ../../data/pop909/001.mid --bars 34-44 --takes 2
    --seed 2 --quality draft -o .` in the folder of the record makes it anew."""
    code, _, err = cli("replay", RECORD, "-o", tmp_path)
    assert code == 0, err


def test_a_take_that_heard_the_song_and_is_like_another_is_replayed(cli, hearing_preset, tmp_path):
    command = ["infill", SONG, "--bars", "17-24", "--takes", 2, "--steps", 4, "--preset", hearing_preset]
    code, out, err = cli(*command, "--density=-1", "--range", "C4-C6", "--chords", "C | Am", "-o", tmp_path / "out")
    assert code == 0, err
    assert "Hearing the chords asked for in bars 17-24, elsewhere the other tracks: BRIDGE, PIANO" in out
    first, *_ = sorted((tmp_path / "out").glob("*.json"))
    code, _, err = cli(*command, "--like", first, "--variation", 0.5, "--seed", 3, "-o", tmp_path / "like")
    assert code == 0, err
    for record in [first, *(tmp_path / "like").glob("*.json")]:
        code, _, err = cli("replay", record, "-o", tmp_path / "again")
        assert code == 0, err
    assert TakeRecord.load(first).request.pitch_range == ("C4", "C6")


def test_what_is_written_and_printed(made):
    folder, out = made
    takes = sorted(path.stem for path in (folder / "out").glob("*.mid"))
    assert takes
    assert set(takes) <= {f"song_bars17-20_2_take{n}" for n in (1, 2, 3)}
    names = {f"{take}.{kind}" for take in takes for kind in ("mid", "json")} | {"song_bars17-20_2_takes.html"}
    assert {path.name for path in (folder / "out").iterdir()} == names
    assert "seam fit  chord tones      clashes      novelty" in out
    left_out = 3 - len(takes)
    assert ("near-duplicate" in out) == (left_out > 0)
    assert f"Wrote {len(takes)} takes to {folder / 'out'}. Listen: " in out
    record = TakeRecord.load(folder / "out" / f"{takes[0]}.json")
    assert (record.request.bars, record.request.track, record.request.seed) == (("17-20",), 1, 2)
    assert record.request.sampler.num_steps == 3
    assert set(record.made_with) >= {"backend", "keras", "keras_symdiff", "numpy"}


def test_one_take_keeps_the_plain_names(cli, tiny_preset, tmp_path):
    code, _, err = cli("infill", SONG, "--bars", "17-18", "--steps", 2, "--preset", tiny_preset, "-o", tmp_path)
    assert code == 0, err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"001_bars17-18_0.{kind}" for kind in ("json", "mid", "png")
    ]


def fails_to_replay(cli, folder, message):
    record = sorted((folder / "out").glob("*.json"))[0]
    code, _, err = cli("replay", record, "-o", folder / "again")
    assert code == 1
    assert err.splitlines()[-1].startswith(f"Error: {message}"), err
    assert not (folder / "again").exists()


def test_a_changed_input_file_is_named(cli, made):
    folder, _ = made
    with open(folder / "song.mid", "ab") as file:
        file.write(b"\0")
    fails_to_replay(cli, folder, f"The input file has changed since the take was made: {folder}")
    (folder / "song.mid").unlink()
    fails_to_replay(cli, folder, f"The input file is gone: {folder / 'song.mid'}")


@pytest.mark.parametrize("part", ["latent_diffusion/weights.npz", "music_vae/config.json", "latent_transform.json"])
def test_a_changed_preset_is_named(cli, made, part):
    folder, _ = made
    with open(folder / "preset" / part, "ab") as file:
        file.write(b"\n")
    fails_to_replay(cli, folder, f"The preset {folder / 'preset'} has changed since the take was made: {part}")


def record_another_result(folder, **made_with):
    """Lets a record tell of other bytes, made with other versions: its path, and the take's number."""
    record = sorted((folder / "out").glob("*.json"))[0]
    fields = json.loads(record.read_text())
    fields["file_sha256"] = "0" * 64
    fields["made_with"] |= made_with
    record.write_text(json.dumps(fields))
    return record, fields["take"]


def test_another_result_is_refused_with_what_differs(cli, made):
    folder, _ = made
    _, take = record_another_result(folder, keras="3.0.0")
    fails_to_replay(cli, folder, f"Take {take} differs from the recorded one (keras 3.0.0 then, ")


def test_another_version_of_the_package_plays_otherwise(cli, made):
    folder, _ = made
    record, _ = record_another_result(folder, keras_symdiff="0.0.1")
    code, _, err = cli("replay", record, "-o", folder / "again")
    assert code == 1
    assert "(keras_symdiff 0.0.1 then, " in err
    assert "versions of keras_symdiff differ in loudness and placing of notes" in err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"request": {"midi": "x"}}'])
def test_what_is_no_record(cli, tmp_path, text):
    (tmp_path / "take.json").write_text(text)
    code, _, err = cli("replay", tmp_path / "take.json")
    assert (code, len(err.splitlines()[-1:])) == (1, 1)
    assert f"{tmp_path / 'take.json'} is not the record of a take" in err


@pytest.mark.parametrize("change", [{"take": [1]}, {"preset": None}, {"made_with": []}, {"file": None}])
def test_a_record_whose_values_are_of_other_types(cli, made, change):
    folder, _ = made
    record = sorted((folder / "out").glob("*.json"))[0]
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    fails_to_replay(cli, folder, f"{record} is not the record of a take: {next(iter(change))} must be a ")


def test_a_record_does_not_choose_the_folder(cli, made):
    folder, _ = made
    record = sorted((folder / "out").glob("*.json"))[0]
    fields = json.loads(record.read_text())
    fields["file"] = "../../elsewhere.mid"
    record.write_text(json.dumps(fields))
    assert cli("replay", record, "-o", folder / "again")[0] == 0
    assert [path.name for path in (folder / "again").iterdir()] == ["elsewhere.mid"]


def test_near_duplicates_are_dropped_and_silent_takes_where_a_lock_needs_notes(tiny_preset, monkeypatch, tmp_path):
    melody = read_melodies(SONG)[0]
    stream = np.zeros(64, int)
    stream[::2] = 41 + np.arange(32) % 5
    nearly, other = stream.copy(), stream[::-1].copy()
    nearly[0] += 1

    def compose_gaps(*arguments, num_takes, **options):
        return [melody.replace_steps(16 * 16, line) for line in (stream, nearly, other, np.zeros(64, int))]

    monkeypatch.setattr(make_takes_module, "compose_gaps", compose_gaps)
    composer = Composer.from_preset(tiny_preset)
    takes = composer.infill(SONG, bars="33-40", takes=4, track_name="melody")
    assert (takes.request.track, takes.request.track_name) == (1, None)  # for the page's command and the records
    assert sorted(take.number for take in takes) == [1, 2, 3, 4]
    assert [take.duplicate_of is None for take in takes] == [True] * 3 + [False]
    assert {1, 2} == {takes[3].number, takes[3].duplicate_of}
    assert len(takes.write(tmp_path).files) == len(takes.distinct) == 3
    locked = composer.infill(SONG, bars="33-40", takes=4, keep="rhythm")
    assert sorted(take.number for take in locked) == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Name bars to compose"),
        ({"bars": ("1",), "keep": "x"}, "`keep`"),
        ({"bars": ("1",), "takes": 65}, "64"),
        ({"bars": ("1",), "takes": 2.5}, "`takes` must be a"),
        ({"bars": "1-4"}, "`bars` must be a"),
        ({"continue_bars": -1}, "`continue_bars`"),
    ],
)
def test_requests_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        InfillRequest(**arguments)


def test_another_request_never_overwrites_a_take(cli, made, tmp_path):
    folder, _ = made
    before = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    command = [*TAKES, folder / "song.mid", "--preset", folder / "preset", "-o", folder / "out"]
    assert cli(*command)[0] == 0  # the same request: the same files
    assert {path.name: path.read_bytes() for path in (folder / "out").iterdir()}.keys() == before.keys()
    code, out, err = cli(*command, "--keep-rhythm")
    assert code == 0, err
    assert "song_bars17-20_2-2_takes.html" in out
    after = {path.name: path.read_bytes() for path in (folder / "out").iterdir()}
    assert {name: after[name] for name in before if name.endswith(".mid")} == {
        name: data for name, data in before.items() if name.endswith(".mid")
    }


def test_a_take_of_another_song_is_refused(cli, made, tmp_path):
    folder, _ = made
    record = next(iter(sorted((folder / "out").glob("*.json"))))
    other = pathlib.Path(__file__).parents[2] / "examples" / "tune.mid"
    command = ["infill", other, "--bars", "17-20", "--steps", 3, "--preset", folder / "preset"]
    code, _, err = cli(*command, "--like", record, "-o", tmp_path / "o")
    assert code == 1
    assert err.splitlines()[-1] == f"Error: {record} is a take of another song: song.mid"
    assert not list((tmp_path / "o").glob("*"))
