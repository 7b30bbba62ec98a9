"""MIDI files in and out, on the file's own tick grid."""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_symdiff import constants
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.grid import Grid
from keras_symdiff.music.key import Key
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.song import SPAN_CONTROLLER, MidiError, Song
from keras_symdiff.write_atomically import write_atomically

_CHORD_VELOCITY = 60  # behind the melody
_MELODY_NAME = re.compile(r"\b(melod|vocal|voice|lead|singer)", re.IGNORECASE)
_LEAST_LINE = 0.5  # a track of chords is no melody, whatever it is called
_LOWEST_MELODY_PITCH = 48  # C3: a line whose median lies below is more likely a bass


def read_melodies(source: str | os.PathLike | bytes | Song) -> list[Melody]:
    """Reads every usable track of a MIDI file as a melody.

    A step is a quarter of the file's own quarter note; tempo changes and time signatures are kept as data. Drums are
    left out. For the rules that make a track one line, see `Melody.from_notes`.

    Args:
        source: path of a MIDI file of at most 16 MiB, its bytes, or a `Song`.

    Returns:
        The melodies, one for each instrument with at least one note in pitches 21..108, in the file's order.

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
    song = Song.open(source)
    melodies = song.melodies()
    if melodies:
        return melodies
    if not any(not track.is_drum for track in song.tracks):
        raise MidiError(song.name, "has drums only" if song.tracks else "has no notes")
    raise MidiError(song.name, f"has no note between pitches {constants.MIN_PITCH} and {constants.MAX_PITCH}")


def write_midi(
    melodies: Melody | Sequence[Melody],
    path: str | os.PathLike,
    chords: Chords | str | None = None,
    key: Key | str | None = None,
) -> None:
    """Writes melodies to a MIDI file, one track each, so that `read_melodies` gives them back.

    Length (leading and trailing rests too), notes, velocities, names, programs, tempos and time signatures are kept;
    tempos and time signatures are those of the first melody. A swung song is written straight. The file appears at
    once or not at all.

    Args:
        melodies: one, or several.
        path: path of the file; an existing one is replaced.
        chords: a progression, such as `"C | Am F | G7 | %"`, that is written to a track after the melodies, repeated to
            the length of the first one. Defaults to `None`: none.
        key: such as `"A minor"`, written as the key signature. Defaults to `None`: none is.

    Raises:
        ValueError: if there is no melody, or something else than melodies.
        OSError: if the file cannot be written.
    """
    import symusic

    given: Any = melodies
    melodies = [given] if isinstance(given, Melody) else list(given) if isinstance(given, Iterable) else []
    if not melodies or not all(isinstance(melody, Melody) for melody in melodies):
        raise ValueError(f"`melodies` must be at least one melody, a `Melody` or a list. Received: {given!r:.200}")
    chords = Chords.parse(chords) if isinstance(chords, str) else chords
    key = Key.parse(key) if isinstance(key, str) else key
    grid = Grid.from_signatures(melodies[0].time_signatures)
    score: Any = symusic.Score(grid.ticks_per_quarter)
    for step, qpm in melodies[0].tempos:
        score.tempos.append(symusic.Tempo(grid.ticks(step), qpm))
    for step, numerator, denominator in melodies[0].time_signatures:
        score.time_signatures.append(symusic.TimeSignature(grid.ticks(step), numerator, denominator))
    if key is not None:
        score.key_signatures.append(symusic.KeySignature(0, key.num_sharps, key.mode == "minor"))
    for melody in melodies:
        track: Any = symusic.Track(melody.name, melody.program, False)
        starts, ends = grid.ticks(melody.start_steps), grid.ticks(melody.end_steps)
        track.notes = symusic.Note.from_numpy(
            starts.astype(np.int32),
            (ends - starts).astype(np.int32),
            melody.pitches.astype(np.int8),
            melody.velocities.astype(np.int8),
        )
        for step, value in ((max(0, melody.first_step), 0), (melody.num_steps, 127)):
            track.controls.append(symusic.ControlChange(grid.ticks(step), SPAN_CONTROLLER, value))
        score.tracks.append(track)
    if chords is not None:
        track = symusic.Track("CHORDS", 0, False)
        starts, ends, pitches = chords.notes(grid.ticks(grid.bar_lines(melodies[0].num_steps)))
        starts, ends = starts.round().astype(np.int32), ends.round().astype(np.int32)
        velocities = np.full(len(pitches), _CHORD_VELOCITY, np.int8)
        track.notes = symusic.Note.from_numpy(starts, ends - starts, pitches.astype(np.int8), velocities)
        score.tracks.append(track)
    write_atomically(path, score.dumps_midi())


def choose_melody(melodies: Sequence[Melody], track: int | None = None, name: str | None = None) -> tuple[Melody, str]:
    """Chooses the melody that infilling works on.

    The one that is asked for, by number or by name. Otherwise the best line of those whose name says so ("MELODY",
    "lead vocal", ...) and of whose notes at least half form one line; a name that all have says nothing. Otherwise the
    best line of all: the highest product of the share of bars in which it starts a note, the share of its notes that
    form one line, and 1/2 if its median pitch lies below C3.

    Args:
        melodies: those of one file.
        track: number of an instrument from 1, as `symdiff inspect` shows it. Defaults to `None`.
        name: an instrument's name, in small or capital letters. Defaults to `None`.

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
            if melody.track + 1 == track or (name is not None and _typed(melody.name) == _typed(name)):
                return melody, f"{asked} was asked for"
        there = ", ".join(f"{melody.track + 1} {melody.name}".strip() for melody in melodies)
        raise ValueError(f"There is no melody in {asked}; tracks with one: {there}")
    if len(melodies) == 1:
        return melodies[0], "it is the only melody"
    num_bars = max(melody.num_bars for melody in melodies)

    def figures(melody):
        bars = len(np.unique(melody.grid.bar_of(melody.start_steps)))
        line = len(melody.pitches) / max(1, melody.num_source_notes)
        low = np.median(melody.pitches) < _LOWEST_MELODY_PITCH
        return bars, line, bars * line * (0.5 if low else 1.0)

    is_said_of_all = len({melody.name for melody in melodies}) == 1
    named = [] if is_said_of_all else [melody for melody in melodies if _MELODY_NAME.search(melody.name)]
    named = [melody for melody in named if figures(melody)[1] >= _LEAST_LINE]
    best = max(named or melodies, key=lambda melody: figures(melody)[-1])
    if len(named) == 1:
        return best, f"it is named {best.name!r}"
    bars, line, _ = figures(best)
    reason = f"has notes in {bars} of {num_bars} bars and {line:.0%} of its notes form one line"
    return best, f"of those with such a name, {best.name!r} {reason}" if named else f"it {reason}"


def _typed(name):
    """A name as it compares: in small letters, and full-width or composed characters as others."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
