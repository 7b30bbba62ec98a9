"""MIDI files in and out, on the file's own tick grid."""

import re

import numpy as np

from keras_symdiff import constants
from keras_symdiff.music.melody import DEFAULT_QPM, Melody, grid_offset
from keras_symdiff.write_atomically import write_atomically

# Bounds that no music reaches and that keep a hostile file cheap: 4096 bars are over two hours at 120 qpm.
MAX_FILE_BYTES = 1 << 24
MAX_INSTRUMENTS = 512
MAX_BARS = 4096

TICKS_PER_QUARTER = 480
TICKS_PER_STEP = TICKS_PER_QUARTER // constants.STEPS_PER_QUARTER

# A file ends for most readers (symusic among them) with its last note. Two events of this controller, which the MIDI
# standard leaves undefined, mark in each written track where the melody's phrases start and where it ends.
SPAN_CONTROLLER = 119

_MELODY_NAME = re.compile(r"\b(melod|vocal|voice|lead|singer)", re.IGNORECASE)
_LOWEST_MELODY_PITCH = 48  # C3: a line whose median lies below is more likely a bass


class MidiError(ValueError):
    """A MIDI file that cannot be used; the message names the file and the reason in one line."""

    def __init__(self, path, reason):
        super().__init__(f"{path}: {reason}")
        self.reason = reason


def read_melodies(path):
    """Reads every usable instrument of a MIDI file as a melody.

    A step is a quarter of the file's own quarter note; tempo changes and time signatures are kept as data. Drums are
    left out. For the rules that make an instrument one line, see `Melody.from_notes`.

    Args:
        path: path of a MIDI file of at most 16 MiB.

    Returns:
        A list of `Melody`, one for each instrument with at least one note in pitches 21..108, in the file's order.

    Raises:
        MidiError: if the file is not readable MIDI, has no such instrument, is longer than 4096 bars, or has more than
            512 instruments.
        OSError: if the file cannot be opened.

    Example:
    ```python
    for melody in read_melodies("song.mid"):
        print(melody.name, melody.phrases()[0].shape)
    ```
    """
    score = read_score(path)
    melodies = melodies_of_score(score, path)
    if melodies:
        return melodies
    if all(track.is_drum for track in score.tracks):
        raise MidiError(path, "has drums only" if score.note_num() else "has no notes")
    if not any(len(track.notes) for track in score.tracks if not track.is_drum):
        raise MidiError(path, "has no notes")
    raise MidiError(path, f"has no note between pitches {constants.MIN_PITCH} and {constants.MAX_PITCH}")


def read_score(path):
    """Parses a MIDI file within the bounds of this module.

    Args:
        path: path of a MIDI file.

    Returns:
        A `symusic.Score` in ticks.

    Raises:
        MidiError: if the file is not readable MIDI or exceeds a bound.
    """
    import symusic

    with open(path, "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if not data:
        raise MidiError(path, "is empty")
    if len(data) > MAX_FILE_BYTES:
        raise MidiError(path, f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    if not data.startswith(b"MThd"):
        raise MidiError(path, "is not a MIDI file (it does not start with MThd)")
    if len(data) < 14:
        raise MidiError(path, "ends within its header")
    if data[12] & 0x80:
        raise MidiError(path, "counts time in SMPTE frames, not in quarter notes")
    if data[12:14] == b"\0\0":
        raise MidiError(path, "has 0 ticks a quarter note")
    try:
        score = symusic.Score.from_midi(data)
    except (RuntimeError, ValueError) as error:  # what symusic raises for malformed events
        raise MidiError(path, f"is damaged ({str(error).splitlines()[0].removeprefix('MiniMidi: ')})") from error
    if len(score.tracks) > MAX_INSTRUMENTS:
        raise MidiError(path, f"has {len(score.tracks)} instruments, more than {MAX_INSTRUMENTS}")
    return score


def melodies_of_score(score, path):
    """Takes one melody from each usable instrument of a parsed file.

    Args:
        score: a `symusic.Score` in ticks.
        path: the file's path, for messages.

    Returns:
        A list of `Melody`; empty if no instrument is usable.

    Raises:
        MidiError: if the music is longer than 4096 bars or its ticks overflow.
    """

    def steps(ticks):
        return ticks_to_steps(ticks, score.tpq)

    tempos = score.tempos.numpy()
    signatures = score.time_signatures.numpy()
    context = {
        "tempos": _tempo_map(steps(tempos["time"].astype(np.int64)), tempos["mspq"].astype(np.int64)),
        "time_signatures": _signatures(
            steps(signatures["time"].astype(np.int64)), signatures["numerator"], signatures["denominator"]
        ),
    }
    melodies = []
    for index, track in enumerate(score.tracks):
        if track.is_drum or not len(track.notes):
            continue
        notes = track.notes.numpy()
        ticks = notes["time"].astype(np.int64)
        ends = ticks + notes["duration"]
        if ticks.min() < 0 or ends.max() >= 1 << 31 or np.any(notes["duration"] < 0):
            raise MidiError(path, "has ticks beyond 2^31")
        if steps(ends.max()) > MAX_BARS * constants.STEPS_PER_BAR:
            raise MidiError(path, f"is longer than {MAX_BARS} bars")
        starts, ends = steps(ticks), steps(_first_ends(notes["pitch"], ticks, ends))
        melody = Melody.from_notes(
            notes["pitch"],
            starts,
            ends,
            notes["velocity"],
            name=track.name[:128],  # a hostile file may hold a megabyte of it
            program=track.program,
            track=index,
            **context,
            **_written_span(
                track, steps, grid_offset(context["time_signatures"]), starts.min(), np.maximum(ends, starts + 1).max()
            ),
        )
        if len(melody.pitches):
            melodies.append(melody)
    return melodies


def ticks_to_steps(ticks, ticks_per_quarter):
    """Rounds ticks to steps of a sixteenth note, halves up: floor(x + 0.5) with x = 4 ticks / ticks per quarter."""
    return (2 * constants.STEPS_PER_QUARTER * ticks + ticks_per_quarter) // (2 * ticks_per_quarter)


def write_midi(melodies, path):
    """Writes melodies to a MIDI file, one track each, so that `read_melodies` gives them back.

    Length (leading and trailing rests too), notes, velocities, names, programs, tempos and time signatures are kept;
    tempos and time signatures are those of the first melody. The file appears at once or not at all.

    Args:
        melodies: a `Melody`, or a list of them.
        path: path of the file; an existing one is replaced.

    Raises:
        ValueError: if there is no melody.
        OSError: if the file cannot be written.
    """
    import symusic

    melodies = [melodies] if isinstance(melodies, Melody) else list(melodies)
    if not melodies:
        raise ValueError("A MIDI file needs at least one melody. Received: melodies=[]")
    score = symusic.Score(TICKS_PER_QUARTER)
    for step, qpm in melodies[0].tempos:
        score.tempos.append(symusic.Tempo(step * TICKS_PER_STEP, qpm))
    for step, numerator, denominator in melodies[0].time_signatures:
        score.time_signatures.append(symusic.TimeSignature(step * TICKS_PER_STEP, numerator, denominator))
    for melody in melodies:
        track = symusic.Track(melody.name, melody.program, False)
        track.notes = symusic.Note.from_numpy(
            (melody.start_steps * TICKS_PER_STEP).astype(np.int32),
            ((melody.end_steps - melody.start_steps) * TICKS_PER_STEP).astype(np.int32),
            melody.pitches.astype(np.int8),
            melody.velocities.astype(np.int8),
        )
        for step, value in ((max(0, melody.first_step), 0), (melody.num_steps, 127)):
            track.controls.append(symusic.ControlChange(step * TICKS_PER_STEP, SPAN_CONTROLLER, value))
        score.tracks.append(track)
    write_atomically(path, score.dumps_midi())


def choose_melody(melodies, track=None, name=None):
    """Chooses the melody that infilling works on.

    The one that is asked for, by number or by name; otherwise the first instrument whose name says so ("MELODY", "lead
    vocal", ...). Otherwise the one with the highest
    product of: the share of bars in which it starts a note, the share of its notes that form one line, and 1/2 if its
    median pitch lies below C3.

    Args:
        melodies: non-empty list of `Melody` of one file.
        track: int, number of an instrument from 1, as `symdiff inspect` shows it. Defaults to `None`.
        name: str, an instrument's name, in small or capital letters. Defaults to `None`.

    Returns:
        Tuple of the chosen `Melody` and the reason, a short clause.

    Raises:
        ValueError: if `melodies` is empty, or has not the one that is asked for.
    """
    if not melodies:
        raise ValueError("There must be at least one melody. Received: melodies=[]")
    if track is not None or name is not None:
        asked = f"track {track}" if name is None else f"a track named {name!r}"
        for melody in melodies:
            if melody.track + 1 == track or (name is not None and melody.name.casefold() == name.casefold()):
                return melody, f"{asked} was asked for"
        there = ", ".join(f"{melody.track + 1} {melody.name}".strip() for melody in melodies)
        raise ValueError(f"There is no melody in {asked}; tracks with one: {there}")
    for melody in melodies:
        if _MELODY_NAME.search(melody.name):
            return melody, f"it is named {melody.name!r}"
    if len(melodies) == 1:
        return melodies[0], "it is the only melody"
    num_bars = max(melody.num_bars for melody in melodies)

    def figures(melody):
        bars = len(np.unique(melody.bar_of(melody.start_steps)))
        line = len(melody.pitches) / max(1, melody.num_source_notes)
        low = np.median(melody.pitches) < _LOWEST_MELODY_PITCH
        return bars, line, bars * line * (0.5 if low else 1.0)

    best = max(melodies, key=lambda melody: figures(melody)[-1])
    bars, line, _ = figures(best)
    return best, f"it has notes in {bars} of {num_bars} bars and {line:.0%} of its notes form one line"


def _first_ends(pitches, starts, ends):
    """Ends each note at the first end of its pitch after its start, as pretty_midi (so note-seq) reads overlaps.

    Symusic pairs the first note-on with the first note-off, the second with the second. The two differ only where
    notes of one pitch overlap; a note of no length stays one.
    """
    long = ends > starts
    key = pitches.astype(np.int64) << 32  # ticks are below 2^31
    sorted_ends = np.sort((key + ends)[long])
    first = sorted_ends[np.searchsorted(sorted_ends, (key + starts)[long], side="right")]
    result = ends.copy()
    result[long] = first - key[long]
    return result


def _tempo_map(steps, microseconds):
    """Tempos as (step, quarters per minute); the last of several on a step holds, and step 0 always has one."""
    tempos = {0: DEFAULT_QPM}
    for step, value in zip(steps.tolist(), microseconds.tolist(), strict=True):
        if step >= 0 and value > 0:  # 0 microseconds a quarter mean nothing
            tempos[step] = 6e7 / value
    return tuple(sorted(tempos.items()))


def _signatures(steps, numerators, denominators):
    """Time signatures as (step, numerator, denominator); the last of several on a step holds."""
    signatures = {}
    for step, numerator, denominator in zip(steps.tolist(), numerators.tolist(), denominators.tolist(), strict=True):
        if step >= 0 and numerator > 0 and denominator > 0:  # overflowed denominators arrive as 0
            signatures[step] = (step, numerator, denominator)
    return tuple(signatures[step] for step in sorted(signatures))


def _written_span(track, steps, offset, first, last):
    """First bar and length as `write_midi` marked them, if this track bears its two marks around its notes."""
    controls = track.controls.numpy()
    marks = controls["time"][controls["number"] == SPAN_CONTROLLER].astype(np.int64)
    if len(marks) != 2:
        return {}
    start, end = steps(marks).tolist()
    is_bar_line = start == 0 or (start + offset) % constants.STEPS_PER_BAR == 0
    if not is_bar_line or not 0 <= start <= first < last <= end <= MAX_BARS * constants.STEPS_PER_BAR:
        return {}
    return {"first_bar": (start + offset) // constants.STEPS_PER_BAR, "num_steps": end}
