import io
import pathlib

import mido
import numpy as np
import pytest
import symusic

from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody, read_melodies, read_score, ticks_to_steps
from keras_symdiff.music.splice import splice_melody

DATA = pathlib.Path(__file__).parents[1] / "data"
SONGS = sorted(DATA.glob("*/*.mid"))
RANGES = {"start": (0, 2), "one": (1, 2), "middle": (2, 5), "end": (-3, None), "all": (0, None)}


def new_phrases(count):
    """Phrases that begin with a rest, repeat a pitch, and hold a note over the next barline and to the end."""
    tokens = np.zeros((count, 32), dtype=np.int8)
    tokens[:, [2, 4, 6, 7, 12, 20]] = [41, 41, 44, 1, 50, 48]
    return tokens


def spliced(path, phrases, folder):
    score, (melody, _) = read_score(path), choose_melody(read_melodies(path))
    first, last, _ = slice(*phrases).indices(melody.num_phrases)
    assert first < last <= melody.num_phrases
    tokens = new_phrases(last - first)
    filled = melody.replace_phrases(first, tokens)
    begin, end = melody.first_step + 32 * first, melody.first_step + 32 * last
    splice_melody(score, filled, begin, end, folder / "out.mid")
    return score, melody, tokens, (begin, end), folder / "out.mid"


def rows(notes):
    return [(note.time, note.duration, note.pitch, note.velocity) for note in notes]


def other_events(data):
    """All events of a file but notes as (tick, event with its channel); symusic joins the tempo track to the next."""
    events = []
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks:
        now = 0
        for event in track:
            now += event.time
            if event.type not in ("note_on", "note_off", "end_of_track"):
                events.append((now, str(event.copy(time=0))))
    return sorted(events)


@pytest.mark.parametrize("phrases", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("path", SONGS, ids=[f"{path.parent.name}-{path.stem}" for path in SONGS])
def test_everything_outside_the_gap_stays(path, phrases, tmp_path):
    score, melody, tokens, (begin, end), out = spliced(path, phrases, tmp_path)
    after = symusic.Score(out)
    assert other_events(out.read_bytes()) == other_events(path.read_bytes())
    assert [(t.name, t.program, t.is_drum) for t in after.tracks] == [
        (t.name, t.program, t.is_drum) for t in score.tracks
    ]
    for index, (old, new) in enumerate(zip(score.tracks, after.tracks, strict=True)):
        if index != melody.track:
            assert rows(new.notes) == rows(old.notes)

    def outside(track):
        steps = [ticks_to_steps(note.time, score.tpq) for note in track.notes]
        notes = rows(track.notes)
        return [row for row, step in zip(notes, steps, strict=True) if step < begin], [
            row for row, step in zip(notes, steps, strict=True) if step >= end
        ]

    old_before, old_after = outside(score.tracks[melody.track])
    new_before, new_after = outside(after.tracks[melody.track])
    assert new_after == old_after
    assert len(new_before) == len(old_before)
    for old, new in zip(old_before, new_before, strict=True):
        assert new[0] == old[0]
        assert new[2:] == old[2:]
        # Cut only where it sounds into the gap, by less than a step of slack for notes that lie beside the grid.
        sounds_in = ticks_to_steps(old[0] + old[1], score.tpq) >= begin
        assert new[1] == old[1] or (sounds_in and ticks_to_steps(new[0] + new[1], score.tpq) == begin)

    # Read back, the notes of the gap are the composed tokens.
    again = read_melodies(out)[[m.track for m in read_melodies(path)].index(melody.track)]
    expected = melody.replace_phrases((begin - melody.first_step) // 32, tokens)
    chosen = (expected.start_steps >= begin) & (expected.start_steps < end)
    found = (again.start_steps >= begin) & (again.start_steps < end)
    for name in ("pitches", "start_steps", "end_steps", "velocities"):
        np.testing.assert_array_equal(getattr(again, name)[found], getattr(expected, name)[chosen])


@pytest.mark.parametrize("name", ["001", "098", "484"])
def test_new_notes_lie_beside_the_grid_as_the_tune_does(name, tmp_path):
    score, melody, _, (begin, end), out = spliced(DATA / "pop909" / f"{name}.mid", (2, 5), tmp_path)

    def distances(score):
        times = score.tracks[melody.track].notes.numpy()["time"].astype(int)
        steps = ticks_to_steps(times, score.tpq)
        return times - steps * score.tpq // 4, (steps >= begin) & (steps < end)

    old, _ = distances(score)
    new, inside = distances(symusic.Score(out))
    assert len(set(old)) == 1, "the sample's own notes are a constant number of ticks beside the grid"
    assert abs(old[0]) > 10
    assert set(new[inside]) == {old[0]}


def test_a_note_that_sounds_into_the_gap_is_cut(tmp_path):
    score = symusic.Score(480)
    track = symusic.Track("lead", 0, False)
    track.notes = symusic.Note.from_numpy(
        np.array([0, 3000, 9000], np.int32),
        np.array([480, 5000, 480], np.int32),
        np.array([60, 62, 64], np.int8),
        np.array([90, 91, 92], np.int8),
    )
    score.tracks.append(track)
    melody = Melody([60, 62, 64], [0, 25, 75], [4, 67, 79], [90, 91, 92], num_steps=96)
    splice_melody(score, melody.replace_phrases(1, np.zeros((1, 32), np.int8)), 32, 64, tmp_path / "out.mid")
    notes = rows(symusic.Score(tmp_path / "out.mid").tracks[0].notes)
    assert notes == [(0, 480, 60, 90), (3000, 840, 62, 91), (9000, 480, 64, 92)]
