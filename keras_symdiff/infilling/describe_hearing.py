"""What `symdiff infill` says of what the model hears."""

import numpy as np

from keras_symdiff.infilling.infill_request import InfillRequest, Piece


def describe_hearing(request: InfillRequest, piece: Piece, hears: bool) -> str:
    """Says in one line what a model hears besides the melody.

    Args:
        request: `InfillRequest`.
        piece: what `request.find` returned.
        hears: whether the model hears anything.
    """
    song, bars = piece.song, ", ".join(gap.name for gap in piece.gaps)
    others = [track for track in song.tracks
              if not track.is_drum and track.index != piece.melody.track and len(track.notes.pitch)]  # fmt: skip
    heard = others if hears and request.harmony else []
    names = ", ".join(track.name or f"track {track.index + 1}" for track in others)
    if hears and request.chords is not None:
        return f"Hearing the chords asked for in bars {bars}{f', elsewhere the other tracks: {names}' if heard else ''}"
    if not others:
        return "Hearing the melody alone: there are no other pitched tracks"
    if not heard:
        return f"Not hearing the other tracks: {names}"
    spans = [song.grid.ticks(np.array([gap.first_step, gap.end_step])) for gap in piece.gaps]
    if not any(((t.notes.start < end) & (t.notes.end > first)).any() for t in heard for first, end in spans):
        return f"Hearing the other tracks around bars {bars}, where they are silent (see --chords): {names}"
    return f"Hearing the other tracks: {names}"
