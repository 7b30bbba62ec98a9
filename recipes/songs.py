"""Songs as training reads them: the phrases of melodic lines, and what the other tracks sound meanwhile."""

import dataclasses
import io
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from keras_symdiff.constants import PHRASE_STEPS, STEPS_PER_BAR, STEPS_PER_QUARTER
from keras_symdiff.music.corpus import Corpus
from keras_symdiff.music.harmony import chroma
from keras_symdiff.music.key import estimate_key, pitch_class_weights
from keras_symdiff.write_atomically import write_atomically

QUARTERS_PER_PHRASE = PHRASE_STEPS // STEPS_PER_QUARTER
SHARES = 255  # levels of chroma on disk


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """A melodic line of a song, cut into phrases.

    Args:
        tokens: the phrases.
        rests: True for a phrase without an onset.
        chroma: for which share of each beat the other tracks sound each pitch class.
        accompanied: whether there are other tracks.
        real_steps: steps of each half of a phrase that are not filled up.
        kind: `"tune"`, or `"bass"`.
        barred: the same music in phrases that begin a bar later, which MusicVAE also learns from.
    """

    tokens: Int[np.ndarray, "N 32"]
    rests: Bool[np.ndarray, " N"]
    chroma: Float[np.ndarray, "N 8 12"]
    accompanied: bool
    real_steps: Int[np.ndarray, "N 2"]
    kind: str
    barred: Int[np.ndarray, "N 32"]

    @classmethod
    def of_song(cls, song, melody, kind="tune"):
        """Cuts a melody of a `Song` on the song's own bars; the harmony is that of all other pitched tracks."""
        tokens, rests = melody.phrases()
        others = [track.notes for track in song.tracks if track.index != melody.track and not track.is_drum]
        starts, ends, pitches = (
            np.concatenate([np.zeros(0, int), *(getattr(notes, name) for notes in others)])
            for name in ("start", "end", "pitch")
        )
        shares = chroma(starts, ends, pitches, song.grid.ticks(melody.phrase_borders[::STEPS_PER_QUARTER]))
        real_steps = (melody.phrase_steps >= 0).reshape(-1, 2, STEPS_PER_BAR).sum(axis=2)
        shares = shares.reshape(-1, QUARTERS_PER_PHRASE, 12)
        return cls(tokens, rests, shares, len(others) > 0, real_steps, kind, _a_bar_later(melody))


def _a_bar_later(melody):
    """The phrases of a melody from the second 16 steps of its phrases on."""
    first_step = melody.phrase_borders[STEPS_PER_BAR] if melody.num_phrases else 0
    kept = melody.start_steps >= first_step
    if not kept.any():
        return np.zeros((0, PHRASE_STEPS), np.int8)
    columns = {name: getattr(melody, name)[kept] for name in ("pitches", "start_steps", "end_steps", "velocities")}
    return dataclasses.replace(melody, **columns, first_bar=melody.grid.bar_of(int(first_step))).phrases()[0]


def write_songs(path, songs):
    """Writes lines to one file.

    Args:
        path: path of the `.npz` file.
        songs: list of (name of the song, `Line`).
    """
    lines = [line for _, line in songs]
    tokens = np.concatenate([line.tokens for line in lines])
    lengths = [len(line.tokens) for line in lines]
    offsets = np.cumsum([0, *lengths])
    names = [f"{name}#{line.kind}" for name, line in songs]
    corpus = Corpus(tokens, np.concatenate([line.rests for line in lines]), offsets, names, len(songs), [])
    distinct, inverse = corpus.distinct()
    chromas = [line.chroma if line.accompanied else np.full(line.chroma.shape, np.nan) for line in lines]
    keys = [
        estimate_key(pitch_class_weights(line.tokens, shares))[0] for line, shares in zip(lines, chromas, strict=True)
    ]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        tokens=distinct,
        inverse=inverse.astype(np.int32),
        offsets=offsets,
        songs=np.array([name for name, _ in songs]),
        kinds=np.array([line.kind for line in lines]),
        rests=corpus.rests,
        real_steps=np.concatenate([line.real_steps for line in lines]).astype(np.uint8),
        chroma=np.round(SHARES * np.concatenate([line.chroma for line in lines])).astype(np.uint8),
        accompanied=np.repeat([line.accompanied for line in lines], lengths),
        semitones_to_c=np.array([key.semitones_to_c for key in keys], np.int8),
        a_bar_later=np.unique(np.concatenate([line.barred for line in lines]), axis=0),
    )
    write_atomically(Path(path), buffer.getvalue())
