"""A song as the pages of the browser draw and play it; `web/timeline.js` and `web/roll.js` read it."""

from typing import Any

import numpy as np
from jaxtyping import Int

from keras_symdiff.music.melody import DEFAULT_QPM
from keras_symdiff.music.song import Song, Track


def web_timeline(song: Song, lines: Int[np.ndarray, " B1"]) -> dict[str, Any]:
    """Describes a song's time.

    Args:
        song: `Song`.
        lines: steps at which bars begin, and where the last one ends, from `Grid.bar_lines`.

    Returns:
        `ticks_per_quarter`, `end` (a tick), `bars` with the file's numbers, and `tempos` as pairs of a tick and
        quarters per minute.
    """
    starts = song.grid.ticks(lines)
    bars = []
    for number, (step, start, end) in enumerate(zip(lines, starts, starts[1:], strict=False), 1):
        metre = song.grid.metre_of(int(step))
        bars.append(
            {
                "number": str(number),
                "start": int(start),
                "length": int(end - start),
                "numerator": metre.numerator,
                "denominator": metre.denominator,
            }
        )
    return {
        "ticks_per_quarter": song.ticks_per_quarter,
        "end": max(song.end_tick, int(starts[-1])),
        "bars": bars,
        "tempos": _tempos(song),
    }


def track_notes(track: Track) -> list[list[int]]:
    """Notes (start, length, pitch, velocity) of a track, in ticks, by start."""
    notes = track.notes
    columns = np.stack([notes.start, notes.end - notes.start, notes.pitch, notes.velocity], axis=1)
    return columns[np.argsort(notes.start, kind="stable")].tolist()


def _tempos(song):
    tempos = {0: DEFAULT_QPM}
    for tick, value in zip(song.tempos.ticks.tolist(), song.tempos.values.tolist(), strict=True):
        if value:
            tempos[tick] = 6e7 / value
    return [[tick, round(qpm, 4)] for tick, qpm in sorted(tempos.items())]
