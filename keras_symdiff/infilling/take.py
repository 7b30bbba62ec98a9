"""One way of filling the gaps of a piece."""

import dataclasses
import functools
from typing import Any

from keras_symdiff.infilling.infill_request import Piece
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.splice import splice_melody


@dataclasses.dataclass(frozen=True, eq=False)
class Take:
    """One way of filling the gaps of a piece.

    Args:
        number: from 1, in the order of the noise: take `n` of a seed is the same however many are made.
        melody: the piece's melody with new notes in the gaps.
        scores: `TakeScores`.
        duplicate_of: number of a better take that has nearly the same notes. Defaults to `None`: there is none.
        shared: share of notes in both. Defaults to 0.
        piece: `Piece` as it was.
    """

    number: int
    melody: Melody
    scores: Any
    piece: Piece
    duplicate_of: int | None = None
    shared: float = 0.0

    @functools.cached_property
    def midi(self) -> bytes:
        """The song's MIDI file with this take in the gaps; every other event is as it was.

        Raises:
            MidiError: if the notes cannot be put into the file.
        """
        return take_file(self.piece, self.melody)


def take_file(piece: Piece, melody: Melody) -> bytes:
    """The song's MIDI file with the notes of a melody in the gaps.

    Raises:
        MidiError: if the notes cannot be put into the file.
    """
    return splice_melody(piece.song, melody, [(gap.first_step, gap.end_step) for gap in piece.gaps])
