import dataclasses
import itertools
import subprocess
import sys

import note_seq
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_symdiff import Melody, read_melodies, write_midi


@st.composite
def melodies(draw):
    """Any line of notes with any silences, tempos and extra length."""
    steps = np.cumsum([draw(st.integers(0, 100)), *draw(st.lists(st.integers(1, 90), min_size=1, max_size=120))])
    starts, ends = [], []
    for start, end in itertools.pairwise(steps):
        if draw(st.booleans()) or (end == steps[-1] and not starts):
            starts.append(start)
            ends.append(draw(st.integers(start + 1, end)))
    count = len(starts)
    return Melody(
        pitches=draw(st.lists(st.integers(21, 108), min_size=count, max_size=count)),
        start_steps=starts,
        end_steps=ends,
        velocities=draw(st.lists(st.integers(1, 127), min_size=count, max_size=count)),
        num_steps=ends[-1] + draw(st.integers(0, 100)),
        first_bar=draw(st.integers(0, starts[0] // 16)),
        name=draw(st.text("abc ä音", max_size=8)),
        program=draw(st.integers(0, 127)),
        tempos=((0, 120.0), (draw(st.integers(1, 500)), draw(st.integers(20, 300)) * 1.0)),
        time_signatures=((0, 4, 4), (32, 2, 4)),
    )


def random_phrases(rng, count):
    """Phrases as `Melody.phrases` makes them: a note-off never precedes the first onset, nor follows another."""
    pitches = np.sort(rng.choice(np.arange(count * 32), size=count * 6, replace=False))
    return Melody(
        rng.integers(21, 109, len(pitches)),
        pitches,
        np.minimum(pitches + rng.integers(1, 9, len(pitches)), np.append(pitches[1:], count * 32)),
        num_steps=count * 32,
        first_bar=0,
    ).phrases()[0]


def test_token_rules_by_hand():
    # bar 3 begins at step 32: the phrases start there
    melody = Melody([60, 62, 64, 21, 108], [34, 36, 62, 70, 128], [36, 40, 67, 71, 129])
    tokens, rests = melody.phrases()
    assert tokens.dtype == np.int8
    assert tokens.shape == (4, 32)
    expected = np.zeros((4, 32), np.int8)
    expected[0, [2, 4, 8, 30]] = 41, 43, 1, 45
    expected[1, [6, 7]] = 2, 1  # the note-off at step 67, before the first onset, is no event
    expected[3, [0, 1]] = 89, 1
    np.testing.assert_array_equal(tokens, expected)
    np.testing.assert_array_equal(rests, [False, False, True, False])


def test_a_phrase_with_only_a_held_note_is_a_rest_without_events():
    tokens, rests = Melody([60], [0], [50], num_steps=64).phrases()
    assert rests.tolist() == [False, True]
    assert not tokens[1].any()


def test_from_notes_keeps_the_top_line():
    melody = Melody.from_notes(
        pitches=[60, 67, 20, 109, 50, 70],
        start_steps=[0, 0, 1, 2, 4, 8],
        end_steps=[9, 9, 2, 3, 20, 8],
        velocities=[1, 2, 3, 4, 5, 6],
    )
    assert melody.pitches.tolist() == [67, 50, 70]
    assert melody.start_steps.tolist() == [0, 4, 8]
    assert melody.end_steps.tolist() == [4, 8, 9]
    assert melody.velocities.tolist() == [2, 5, 6]
    assert melody.num_source_notes == 4


@settings(max_examples=60, deadline=None)
@given(melodies())
def test_tokens_to_notes_to_tokens_is_exact(melody):
    tokens, rests = melody.phrases()
    again = Melody.from_phrases(tokens, first_bar=melody.first_bar, time_signatures=melody.time_signatures)
    np.testing.assert_array_equal(again.phrases()[0], tokens)
    np.testing.assert_array_equal(again.phrases()[1], rests)
    assert again.start_steps.tolist() == melody.start_steps.tolist()
    assert again.pitches.tolist() == melody.pitches.tolist()


def test_a_note_sounds_across_the_border_until_the_next_event():
    tokens = np.zeros((3, 32), int)
    tokens[0, [0, 4]] = 1, 43  # a note-off while nothing sounds is without effect
    tokens[1, [8, 9, 10]] = 45, 1, 1
    melody = Melody.from_phrases(tokens, qpm=90, first_bar=2)
    assert melody.pitches.tolist() == [62, 64]
    assert melody.start_steps.tolist() == [36, 72]
    assert melody.end_steps.tolist() == [72, 73]
    assert (melody.num_steps, melody.num_phrases, melody.first_bar) == (128, 3, 2)
    assert melody.tempos == ((0, 90.0),)


@settings(max_examples=60, deadline=None)
@given(melodies(), st.data())
def test_replaced_steps_leave_all_others_as_they_were(melody, data):
    start = data.draw(st.integers(0, melody.num_steps))
    stream = random_phrases(np.random.default_rng(0), 2).reshape(-1)[: data.draw(st.integers(1, 64))]
    end = start + len(stream)
    replaced = melody.replace_steps(start, stream)
    for side in ("before", "after"):
        old_kept = melody.start_steps < start if side == "before" else melody.start_steps >= end
        new_kept = replaced.start_steps < start if side == "before" else replaced.start_steps >= end
        limit = start if side == "before" else melody.num_steps  # a note into the gap is cut at its start
        assert replaced.start_steps[new_kept].tolist() == melody.start_steps[old_kept].tolist()
        assert replaced.end_steps[new_kept].tolist() == np.minimum(melody.end_steps[old_kept], limit).tolist()
        assert replaced.velocities[new_kept].tolist() == melody.velocities[old_kept].tolist()
    inside = (replaced.start_steps >= start) & (replaced.start_steps < end)
    assert (replaced.start_steps[inside] - start).tolist() == np.flatnonzero(stream >= 2).tolist()
    assert (replaced.pitches[inside] - 19).tolist() == stream[stream >= 2].tolist()
    assert (replaced.end_steps[inside] <= end).all()
    assert replaced.num_steps == max(melody.num_steps, end)


def test_new_notes_have_the_velocity_of_their_surroundings():
    melody = Melody(np.full(40, 60), np.arange(40) * 4, np.arange(40) * 4 + 4, np.where(np.arange(40) < 20, 50, 90))
    assert set(melody.replace_steps(32, [41, 0, 43, 0]).velocities[8:10]) == {50}
    assert set(melody.replace_steps(132, [41, 0, 43, 0]).velocities[33:35]) == {90}
    assert Melody([], [], []).replace_steps(0, [41]).velocities.tolist() == [100]


def test_steps_before_the_start_of_the_file_are_an_error():
    with pytest.raises(ValueError, match="first_step=-1"):
        Melody([60], [0], [64]).replace_steps(-1, [0])


@settings(max_examples=40, deadline=None)
@given(melodies())
def test_note_sequence_round_trip(melody):
    again = Melody.from_note_sequence(melody.to_note_sequence())
    for field in ("pitches", "start_steps", "end_steps", "velocities"):
        assert getattr(again, field).tolist() == getattr(melody, field).tolist()
    for field in ("num_steps", "name", "program", "time_signatures"):
        assert getattr(again, field) == getattr(melody, field)
    np.testing.assert_allclose(again.tempos, melody.tempos)


def test_note_sequence_from_elsewhere():
    sequence = note_seq.NoteSequence()  # no tempo: 120 quarters a minute, 8 steps a second
    sequence.notes.add(pitch=60, start_time=0.07, end_time=0.08, velocity=80, instrument=1)
    sequence.notes.add(pitch=40, start_time=0.0, end_time=1.0, velocity=80, instrument=1, is_drum=True)
    sequence.notes.add(pitch=62, start_time=1.0, end_time=2.0, velocity=0, instrument=1)
    sequence.notes.add(pitch=64, start_time=0.5, end_time=1.0, velocity=80)
    melody = Melody.from_note_sequence(sequence, instrument=1)
    assert (melody.pitches.tolist(), melody.start_steps.tolist(), melody.end_steps.tolist()) == ([60], [1], [2])
    assert not len(Melody.from_note_sequence(sequence, instrument=7).pitches)


@pytest.mark.parametrize("first_note", [2, 4, 18, 20])  # in a pickup bar of a quarter note, and after it
def test_a_pickup_bar_moves_the_grid_of_phrases(tmp_path, first_note):
    signatures = ((0, 1, 4), (4, 4, 4))
    starts = np.array([first_note, 24, 36, 70])
    melody = Melody([60, 62, 64, 65], starts, starts + 2, num_steps=80, time_signatures=signatures)
    assert [melody.grid.bar_of(step) for step in (0, 3, 4, 19, 20)] == [0, 0, 1, 1, 2]
    assert (melody.first_bar, melody.first_step) == {2: (0, -12), 4: (1, 4), 18: (1, 4), 20: (2, 20)}[first_note]
    assert melody.num_bars == 6
    # Bars are 4/4 bars of the tune whose pickup is filled up with a rest.
    filled = Melody([60, 62, 64, 65], starts + 12, starts + 14, num_steps=92)
    for got, expected in zip(melody.phrases(), filled.phrases(), strict=True):
        np.testing.assert_array_equal(got, expected)
    again = Melody.from_phrases(melody.phrases()[0], first_bar=melody.first_bar, time_signatures=signatures)
    np.testing.assert_array_equal(again.start_steps, melody.start_steps)
    write_midi(melody, tmp_path / "a.mid")
    (read,) = read_melodies(tmp_path / "a.mid")
    assert (read.first_bar, read.num_steps) == (melody.first_bar, 80)
    np.testing.assert_array_equal(read.phrases()[0], melody.phrases()[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pitches": [60]}, "equally long"),
        ({"pitches": [60, 109]}, r"\[21, 108\]. Received: pitches from 60 to 109"),
        ({"end_steps": [5, 8]}, "without overlap"),
        ({"end_steps": [4, 4]}, "without overlap"),
        ({"num_steps": 7}, "Received: num_steps=7"),
        ({"first_bar": 1}, "Received: first_bar=1"),
        ({"tempos": ()}, "first tempo"),
    ],
)
def test_what_is_not_a_melody_is_refused(changes, message):
    melody = Melody([60, 62], [0, 4], [4, 8])
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(melody, velocities=None, **changes)


@pytest.mark.parametrize(
    "tokens", [np.zeros((1, 16), int), np.zeros((1, 32)), np.full((1, 32), 90), np.full((1, 32), -1)]
)
def test_what_are_not_phrases_is_refused(tokens):
    with pytest.raises(ValueError, match="Received: tokens"):
        Melody.from_phrases(tokens)


def test_importing_music_is_light():
    code = (
        "import sys, keras_symdiff.music.midi, keras_symdiff.music.corpus, keras_symdiff.render.piano_roll;"
        "print([m for m in ('keras', 'note_seq', 'tensorflow', 'scipy', 'matplotlib', 'symusic') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_melody_is_printed_in_one_line():
    tune = Melody([60, 64, 67, 72], [0, 4, 8, 12], [4, 8, 12, 16], name="Tune")
    assert repr(tune) == "Melody('Tune': 1 bars, 4 notes from C4 to C5, about C major)"
    assert repr(Melody([], [], [], num_steps=32)) == "Melody(2 bars, no notes)"
