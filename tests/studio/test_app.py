import collections
import io
import pathlib
import subprocess
import sys
import zipfile

import mido
import numpy as np
import pytest

from keras_symdiff.infilling.replay import replay
from keras_symdiff.infilling.take_record import TakeRecord
from keras_symdiff.music.song import Song

DATA = pathlib.Path(__file__).parents[1] / "data"


def events(data):
    """Counts the events (chunk, tick, message) of a MIDI file, a note-on with its pitch and velocity."""
    found = collections.Counter()
    for chunk, track in enumerate(mido.MidiFile(file=io.BytesIO(data)).tracks):
        tick = 0
        for message in track:
            tick += message.time
            found[chunk, tick, str(message.copy(time=0))] += 1
    return found


def outside(data, gaps, track=0):
    """All events of a file, but for a track the notes that start outside of gaps, cut where they sound into one."""
    song = Song.open(data)
    chunk = song.tracks[track].chunk
    kept = {
        event: count
        for event, count in events(data).items()
        if event[0] != chunk or not event[2].startswith(("note_on", "note_off", "MetaMessage('end_of_track'"))
    }
    notes = song.tracks[track].notes
    rows = []
    for start, end, pitch, velocity in zip(*(column.tolist() for column in notes[:4]), strict=True):
        # A performance is early or late by less than a 32nd.
        if not any(first - 60 <= start < last - 60 for first, last in gaps):
            into = [first for first, _ in gaps if start < first - 60 < end]
            rows.append((start, min([end, *(first - 60 for first in into)]), pitch, velocity))
    return kept, sorted(rows)


def record_of(client, take, folder):
    answer = client.get(f"/api/takes/{take}/record.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(folder)
    (path,) = folder.glob("*.json")
    return TakeRecord.load(path)


def notes_of(client, song):
    view = client.get(f"/api/songs/{song}").json()
    return view["tracks"][view["melody"] - 1]["notes"]


def test_a_song_is_described_in_ticks(client, song):
    view = client.get(f"/api/songs/{client.song()}").json()
    read = Song.open(song)
    assert view["name"] == "song.mid"
    assert (view["ticks_per_quarter"], view["end"]) == (read.ticks_per_quarter, 30 * 1920)
    assert view["bars"][:2] == [
        {"number": "1", "start": 0, "length": 1920, "numerator": 4, "denominator": 4},
        {"number": "2", "start": 1920, "length": 1920, "numerator": 4, "denominator": 4},
    ]
    assert view["tempos"][:2] == [[0, 90.0], [63, 91.0]]
    assert (view["key"], view["melody"], view["warnings"], view["can_save"]) == ("C major", 1, [], True)
    assert view["chords"][:3] == [[0, "C"], [1920, "Em7"], [2880, "Am7"]]
    assert [track["name"] for track in view["tracks"]] == [track.name for track in read.tracks]
    for track, shown in zip(read.tracks, view["tracks"], strict=True):
        columns = (track.notes.start, track.notes.end - track.notes.start, track.notes.pitch, track.notes.velocity)
        assert sorted(map(tuple, shown["notes"])) == sorted(zip(*(c.tolist() for c in columns), strict=True))


def test_a_file_of_another_kind_is_read_by_its_suffix(client):
    tune = b"X:1\nT:A tune\nM:4/4\nL:1/4\nK:C\n" + b"CDEF|GABc|" * 4
    answer = client.post("/api/songs", files={"file": ("tune.abc", tune)})
    assert answer.status_code == 201, answer.text
    assert len(answer.json()["tracks"][0]["notes"]) == 32
    assert answer.json()["can_save"] is False


def test_a_file_of_another_kind_without_note_seq_says_what_to_install(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "note_seq", None)
    answer = client.post("/api/songs", files={"file": ("tune.abc", b"X:1")})
    assert answer.status_code == 415
    assert answer.json()["error"].startswith(
        "tune.abc: MusicXML, ABC and NoteSequence files need note-seq: pip install"
    )


def test_takes_come_ranked_and_lie_in_the_song(client):
    song = client.song()
    done = client.compose(song, track=1, bars=["9-12"], takes=3)
    assert [take["rank"] for take in done["takes"]] == list(range(1, len(done["takes"]) + 1))
    assert len(done["takes"]) + done["left_out"] == 3
    before = notes_of(client, song)
    for take in done["takes"]:
        assert take["gaps"] == [[8 * 1920, 12 * 1920]]
        assert set(take["scores"]) == {"seam_fit", "chord_tones", "clashes", "novelty", "leaps", "overall"}
        assert client.get(f"/api/takes/{take['id']}").json() == take
        data = client.get(f"/api/songs/{song}/file.mid", params={"takes": take["id"]}).content
        notes = Song.open(data).tracks[0].notes
        assert [row[:1] + row[2:] for row in take["notes"]] == np.stack(
            [notes.start, notes.pitch, notes.velocity], axis=1
        )[np.argsort(notes.start, kind="stable")].tolist()
        kept = [
            [row for row in rows if row[0] + row[1] < 8 * 1920 or row[0] > 12 * 1920 + 60]
            for rows in (take["notes"], before)
        ]
        assert kept[0] == kept[1]


def test_everything_outside_the_bars_stays_event_by_event(client, song):
    opened = client.song()
    first = client.compose(opened, track=1, bars=["9-12"])["takes"][0]
    second = client.compose(opened, track=1, bars=["17", "20-21"], base=[first["id"]])["takes"][0]
    gaps = first["gaps"] + second["gaps"]
    assert gaps == [[8 * 1920, 12 * 1920], [16 * 1920, 17 * 1920], [19 * 1920, 21 * 1920]]
    chosen = ",".join([first["id"], second["id"]])
    data, before = client.get(f"/api/songs/{opened}/file.mid", params={"takes": chosen}).content, song.read_bytes()
    assert outside(data, gaps) == outside(before, gaps)
    assert data != before
    # The later take was made with the earlier one in it, and that again is a file of its own.
    assert second["notes"] != first["notes"]
    again = client.get(f"/api/songs/{opened}/file.mid", params={"takes": second["id"]}).content
    assert outside(again, second["gaps"]) == outside(before, second["gaps"])


def test_locked_notes_stay_and_beats_are_enough(client, song):
    opened = client.song()
    inside = [note for note in notes_of(client, opened) if 8 * 1920 <= note[0] < 12 * 1920 - 100]
    locked = inside[2]
    done = client.compose(opened, track=1, bars=["9-12"], locks=[[locked[0], locked[2]]], takes=2)
    for take in done["takes"]:
        (kept,) = [note for note in take["notes"] if note[0] == locked[0]]
        assert kept[2:] == locked[2:]
        assert abs(kept[1] - locked[1]) <= 60
        assert len(take["gaps"]) == 2
    beats = client.compose(opened, track=1, beats=[[8 * 1920 + 500, 8 * 1920 + 900]])["takes"][0]
    assert beats["gaps"] == [[8 * 1920 + 480, 8 * 1920 + 960]]


def test_more_like_a_take_starts_from_its_notes(client, tmp_path):
    song = client.song()
    take = client.compose(song, track=1, bars=["9-16"])["takes"][0]
    like = client.compose(song, track=1, bars=["9-16"], like=take["id"], variation=0.1, seed=5)["takes"][0]
    request = record_of(client, like["id"], tmp_path).request
    inside = [note for note in take["notes"] if 8 * 1920 - 60 <= note[0] < 16 * 1920 - 60]
    assert [pitch for _, _, pitch in request.like] == [note[2] for note in inside]
    assert (request.variation, request.seed) == (0.1, 5)


@pytest.mark.parametrize("pitch_range", [["C5", "C6"], "C5-C6"])
def test_what_is_asked_for_reaches_the_composer(client, pitch_range):
    song = client.song()
    asked = {"key": "C major", "chords": "C | F", "density": 2, "pitch_range": pitch_range, "strictness": 1.5}
    take = client.compose(song, track=1, bars=["9-16"], harmony=False, **asked)["takes"][0]
    new = [note[2] for note in take["notes"] if take["gaps"][0][0] <= note[0] + 60 < take["gaps"][0][1]]
    assert new
    assert all(72 <= pitch <= 84 for pitch in new)


def test_a_song_from_nothing_gets_a_melody(client):
    made = client.post("/api/songs/new", json={"chords": "Am | F | C | G", "bars": 8, "tempo": 90, "key": "A minor"})
    assert made.status_code == 201, made.text
    view = made.json()
    assert (len(view["bars"]), view["melody"], view["tempos"]) == (8, 2, [[0, 90.0]])
    assert view["chords"][:4] == [[0, "Am"], [1920, "F"], [3840, "C"], [5760, "G"]]
    assert (view["tracks"][1]["name"], view["tracks"][1]["notes"]) == ("Melody", [])
    first = client.compose(view["id"], track=2, bars=["1-8"])["takes"][0]
    assert first["notes"]
    chords = view["tracks"][0]["notes"]
    data = client.get(f"/api/songs/{view['id']}/file.mid", params={"takes": first["id"]}).content
    tracks = Song.open(data).tracks
    assert [track.name for track in tracks] == ["Chords", "Melody"]
    assert sorted(tracks[0].notes.pitch.tolist()) == sorted(note[2] for note in chords)
    # The melody's track is meant where none is named.
    assert client.compose(view["id"], bars=["1-8"])["takes"][0]["notes"] == first["notes"]
    # A part of it, and all of it, again.
    part = client.compose(view["id"], track=2, bars=["3-4"], base=[first["id"]])["takes"][0]
    assert part["gaps"] == [[3840, 7680]]
    whole = client.compose(view["id"], track=2, bars=["1-8"], base=[first["id"]], seed=1)["takes"][0]
    assert whole["notes"] != first["notes"]


def test_sound_and_picture_are_of_the_song_with_its_takes(client):
    song = client.song()
    take = client.compose(song, track=1, bars=["9-12"])["takes"][0]["id"]
    for takes in ("", take):
        sound = client.get(f"/api/songs/{song}/audio.wav", params={"takes": takes})
        assert sound.headers["content-type"] == "audio/wav"
        assert sound.content[:4] == b"RIFF"
        picture = client.get(f"/api/songs/{song}/roll.png", params={"takes": takes})
        assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("new", [False, True])
def test_a_record_makes_the_take_again(client, composer, tmp_path, new):
    song, bars = client.song(), "9-10"
    if new:
        song = client.post("/api/songs/new", json={"chords": "Am | F", "bars": 4}).json()["id"]
        bars = "1-4"
    locks = [] if new else [[note[0], note[2]] for note in notes_of(client, song) if note[0] > 8 * 1920][1:2]
    take = client.compose(song, bars=[bars], locks=locks, track=1 + int(new))["takes"][0]["id"]
    record = record_of(client, take, tmp_path)
    made = client.get(f"/api/songs/{song}/file.mid", params={"takes": take}).content
    assert replay(record, record.check_sources(), composer) == made


def test_saving_never_overwrites(client, song):
    opened = client.song()
    before = song.read_bytes()
    paths = [client.post(f"/api/songs/{opened}/save", json={"takes": []}).json()["path"] for _ in range(2)]
    assert [pathlib.Path(path).name for path in paths] == ["song_studio1.mid", "song_studio2.mid"]
    assert [pathlib.Path(path).read_bytes() for path in paths] == [before, before]
    assert song.read_bytes() == before
    dropped = client.post("/api/songs", files={"file": ("../../up.mid", before)}).json()
    assert dropped["name"] == "up.mid"
    refused = client.post(f"/api/songs/{dropped['id']}/save", json={"takes": []})
    assert (refused.status_code, "download" in refused.json()["error"]) == (422, True)


def test_one_request_infills_without_state(client, song):
    files = {"file": ("song.mid", song.read_bytes())}
    answer = client.post("/infill", files=files, data={"bars": ["9-10", "13"], "quality": "draft", "takes": 2})
    assert answer.status_code == 200, answer.text
    gaps = [[8 * 1920, 10 * 1920], [12 * 1920, 13 * 1920]]
    assert outside(answer.content, gaps) == outside(song.read_bytes(), gaps)
    assert client.post("/infill", files=files, data={"bars": "9-10", "track": 7}).status_code == 422
    same = client.post("/infill", files=files, data={"bars": ["9-10", "13"], "quality": "draft", "takes": 2})
    assert same.content == answer.content


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"bars": ["900"]}, "bar 900 is outside the piece's bars 1-30"),
        ({"bars": ["x"]}, "Bars are FIRST-LAST"),
        ({}, "Name bars"),
        ({"bars": ["9"], "track": 9}, "There is no melody in track 9"),
        ({"bars": ["9"], "locks": [[1, 60]]}, "no note of pitch 60 at tick 1"),
        ({"bars": ["9"], "quality": "grand"}, "`quality` must be one of"),
        ({"bars": ["9"], "takes": 65}, "`takes` must be less than or equal to 64. Received: takes=65"),
        ({"bars": ["9"], "chords": "<script>"}, "A chord is written like"),
        ({"bars": ["9"], "speed": 1}, "`speed` is nothing that can be asked for. Received: speed=1"),
        ({"bars": ["9"], "variation": 0, "like": "none"}, "`variation` must be in (0, 1]"),
        ({"bars": ["9"], "density": 1e9}, "`density` must be in"),
        (
            {"bars": ["9"], "beats": [[-5, 480]]},
            "`beats.0.0` must be greater than or equal to 0. Received: beats.0.0=-5",
        ),
        ({"bars": ["9"], "pitch_range": 7}, "must be two pitches, such as 'C4-C6'. Received: pitch_range=7"),
        ({"bars": ["9"], "pitch_range": ["C4"]}, "must be two pitches, such as 'C4-C6'. Received: pitch_range=('C4',)"),
        ({"bars": ["9"], "pitch_range": {"C4": 1, "C6": 2}}, "must be two pitches, such as 'C4-C6'. Received:"),
        ({"bars": ["9"], "pitch_range": "C4-D4"}, "`pitch_range` must span a fifth or more, low to high. Received:"),
        ({"bars": ["9"], "track": 0}, "`track` must be greater than or equal to 1. Received: track=0"),
        ({"bars": "9"}, "`bars` must be a valid list. Received: bars='9'"),
    ],
)
def test_what_cannot_be_is_refused_at_once_in_one_line(client, asked, words):
    answer = client.post(f"/api/songs/{client.song()}/compose", json={"quality": "draft"} | asked)
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"bars": ', "The request's body must be JSON. Received: Expecting value at character 9"),
        (b"[1]", "`body` must be a valid dictionary or object"),
        (b"", "`body` is missing"),
    ],
)
def test_what_is_no_request_is_told_in_words(client, body, words):
    answer = client.post(
        f"/api/songs/{client.song()}/compose", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.text


@pytest.mark.parametrize(
    "path", ["/api/songs/none", "/api/takes/none", "/api/jobs/none/events", "/api/songs/none/file.mid", "/nothing"]
)
def test_what_is_not_there_is_404(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]


def test_the_interface_is_documented_without_a_network(client):
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    described = client.get("/openapi.json").json()
    for path in ("/api/songs", "/api/songs/{song}/compose", "/api/jobs/{job}/events", "/infill"):
        assert path in described["paths"]
    for methods in described["paths"].values():
        assert all(operation["description"] for operation in methods.values())
    compose = described["components"]["schemas"]["ComposeRequest"]["properties"]
    assert all("description" in compose[name] for name in ("track", "bars", "beats", "locks", "base"))


def test_the_examples_of_the_guide_run(client, song, tmp_path):
    guide = (pathlib.Path(__file__).parents[2] / "docs" / "studio.md").read_text(encoding="utf-8")
    (example,) = [block for block in guide.split("```python")[1:] if "requests" in block]
    code = example.split("```")[0].replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/"))
    assert len(code.strip().splitlines()) <= 20
    (tmp_path / "song.mid").write_bytes(song.read_bytes())
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert Song.open(tmp_path / "new.mid").tracks
