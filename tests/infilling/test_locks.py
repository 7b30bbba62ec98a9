import pytest

from keras_symdiff.infilling.gaps import Gap
from keras_symdiff.infilling.locks import keep_pitches, keep_rhythm
from keras_symdiff.music.melody import Melody

GAP = Gap(16, 32, "2")
OLD = Melody([50, 60, 62, 64, 70], [0, 16, 20, 28, 40], [8, 20, 24, 36, 44], [80, 81, 82, 83, 84])
NEW = Melody([50, 72, 74, 70], [0, 18, 26, 40], [8, 22, 32, 44], [80, 99, 99, 84])


def rows(melody):
    columns = (melody.pitches, melody.start_steps, melody.end_steps, melody.velocities)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_the_rhythm_is_kept_and_takes_the_pitch_that_sounds_there():
    locked = keep_rhythm(OLD, NEW, GAP)
    assert rows(locked)[1:-1] == [(72, 16, 20, 81), (72, 20, 24, 82), (74, 28, 32, 83)]
    assert (rows(locked)[0], rows(locked)[-1]) == (rows(NEW)[0], rows(NEW)[-1])


def test_the_pitches_are_kept_in_order_in_the_new_rhythm():
    locked = keep_pitches(OLD, NEW, GAP)
    assert rows(locked)[1:-1] == [(60, 18, 22, 99), (64, 26, 32, 99)]
    assert (rows(locked)[0], rows(locked)[-1]) == (rows(NEW)[0], rows(NEW)[-1])
    more = keep_pitches(NEW, OLD, GAP)
    assert [row[:2] for row in rows(more)[1:-1]] == [(72, 16), (72, 20), (74, 28)]


@pytest.mark.parametrize("lock", [keep_rhythm, keep_pitches])
def test_a_gap_without_notes_is_refused(lock):
    rest = Melody([50], [0], [8])
    with pytest.raises(ValueError, match="Bars 2 have no old note"):
        lock(rest, NEW, GAP)
    with pytest.raises(ValueError, match="Bars 2 have no new note"):
        lock(OLD, rest, GAP)
