"""A song as the page draws it."""

import itertools
from typing import Any

import numpy as np

from keras_symdiff.constants import MAX_PITCH, MIN_PITCH
from keras_symdiff.infilling.gaps import refused_by_infilling
from keras_symdiff.music.accompaniment import accompaniment, beneath_phrases
from keras_symdiff.music.chord_symbols import NO_CHORD, Chords
from keras_symdiff.music.key import SURE, estimate_key, pitch_class_weights
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody
from keras_symdiff.music.pitch_name import pitch_name
from keras_symdiff.music.song import Song
from keras_symdiff.music.swing import NO_SWING
from keras_symdiff.render.web_song import track_notes, web_timeline

_LEAST_RANGE = 12  # semitones of the register that is proposed


def song_view(song: Song, is_new: bool = False, key: str | None = None) -> dict[str, Any]:
    """Describes a song as JSON: bars, tempos, chords, key and the notes of all tracks, in ticks.

    Args:
        song: `Song`.
        is_new: whether its last track is there for a melody to come. Defaults to `False`.
        key: its key. Defaults to `None`: estimated.

    Returns:
        What `GET /api/songs/{id}` returns of the song itself.

    Raises:
        MidiError: if it is longer than 4096 bars.
    """
    if is_new:
        song, line = song.with_new_line()
        melodies = [line]
    else:
        melodies = song.melodies()
    melody = choose_melody(melodies)[0] if melodies else None
    lines = song.grid.bar_lines(song.num_steps)
    key = key or (None if melody is None else _key(song, melody))
    chords = [] if melody is None else _chords(song, melody, lines)
    return {
        **web_timeline(song, lines),
        "chords": chords,
        "key": key,
        "swing": None if song.grid.swing == NO_SWING else round(song.grid.swing.ratio, 3),
        "tracks": [_track(track, {line.track for line in melodies}) for track in song.tracks],
        "melody": None if melody is None else melody.track + 1,
        "warnings": refused_by_infilling(song) + ([] if melodies else ["has no track that could be a melody"]),
        "defaults": None if melody is None else _defaults(melody, key),
    }


def _track(track, candidates):
    return {
        "number": track.index + 1,
        "name": track.name,
        "program": track.program,
        "drums": track.is_drum,
        "melody_candidate": track.index in candidates,
        "notes": track_notes(track),
    }


def _chords(song, melody, lines):
    """Changes of the chord that the other tracks sound, by half bars."""
    steps = np.unique(np.concatenate([lines, lines[:-1] + np.diff(lines) // 2]))
    if len(steps) != 2 * len(lines) - 1:  # a bar of one step
        steps = lines
    heard = accompaniment(song, melody.track, steps)
    if np.isnan(heard).all():
        return []
    halves = len(steps) // (len(lines) - 1)
    named = Chords.heard(heard, halves)
    ticks, changes = song.grid.ticks(lines), []
    for symbols, (start, end) in zip(named.bars, itertools.pairwise(ticks.tolist()), strict=False):
        for place, symbol in enumerate(symbols):
            if not changes or changes[-1][1] != symbol:
                changes.append([start + (end - start) * place // len(symbols), symbol])
    return changes if any(symbol != NO_CHORD for _, symbol in changes) else []


def _key(song, melody):
    sounds = beneath_phrases(song, melody.track, melody.phrase_steps)
    key, confidence = estimate_key(pitch_class_weights(melody.phrases()[0], sounds))
    return str(key) if confidence >= SURE else None


def _defaults(melody: Melody, key):
    if not len(melody.pitches):
        return {"density": None, "pitch_low": "C4", "pitch_high": "C6", "key": key}
    bars = np.unique(melody.grid.bar_of(melody.start_steps))
    low, high = int(melody.pitches.min()), int(melody.pitches.max())
    wider = max(0, _LEAST_RANGE - (high - low))
    low, high = max(MIN_PITCH, low - wider // 2), min(MAX_PITCH, high + wider - wider // 2)
    return {
        "density": round(len(melody.pitches) / len(bars), 2),
        "pitch_low": pitch_name(low),
        "pitch_high": pitch_name(high),
        "key": key,
    }
