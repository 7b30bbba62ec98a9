import itertools
import pathlib

import numpy as np
import pytest
import symusic

from keras_symdiff.music.song import Song
from keras_symdiff.render.web_song import track_notes, web_timeline

DATA = pathlib.Path(__file__).parents[1] / "data"
FILES = sorted((DATA / "pop909").glob("*.mid")) + sorted((DATA / "lakh").glob("*.mid"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_bars_are_those_of_the_file_one_after_the_other(path):
    song = Song.open(path)
    lines = song.grid.bar_lines(song.num_steps)
    timeline = web_timeline(song, lines)
    bars = timeline["bars"]
    assert [bar["number"] for bar in bars] == [str(number) for number in range(1, len(lines))]
    assert [bar["start"] for bar in bars] == song.grid.ticks(lines)[:-1].tolist()
    assert all(bar["start"] + bar["length"] == after["start"] for bar, after in itertools.pairwise(bars))
    assert timeline["end"] >= bars[-1]["start"] + bars[-1]["length"]
    assert timeline["end"] >= max(note[0] + note[1] for track in song.tracks for note in track_notes(track))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_tempos_keep_the_time_of_the_file(path):
    song = Song.open(path)
    timeline = web_timeline(song, song.grid.bar_lines(song.num_steps))
    ticks, qpm = np.array(timeline["tempos"]).T
    assert ticks[0] == 0
    seconds = np.append(0, np.cumsum(np.diff(ticks) * 60 / qpm[:-1] / song.ticks_per_quarter))
    np.testing.assert_allclose(seconds, song.seconds(ticks.astype(int)), rtol=1e-4, atol=1e-3)


def test_its_notes_are_those_of_the_file_by_start():
    path = DATA / "pop909" / "331.mid"
    for track, expected in zip(Song.open(path).tracks, symusic.Score(path).tracks, strict=True):
        notes = track_notes(track)
        assert [note[0] for note in notes] == sorted(note[0] for note in notes)
        in_file = sorted([note.time, note.duration, note.pitch, note.velocity] for note in expected.notes)
        assert sorted(notes) == in_file
