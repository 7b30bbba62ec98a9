"""One side of a melody kept while the other is composed: its rhythm, or its pitches."""

import dataclasses

import numpy as np
from jaxtyping import Bool

from keras_symdiff.infilling.gaps import Gap
from keras_symdiff.music.melody import Melody


def keep_rhythm(melody: Melody, composed: Melody, gap: Gap) -> Melody:
    """Gives the notes of a gap new pitches, and keeps when they start and end, and their velocities.

    A note takes the pitch of the composed note that sounds, or sounded last, where it starts; before the first composed
    note it takes the pitch of that.

    Args:
        melody: `Melody` as it was, whose rhythm is kept.
        composed: `Melody` with composed notes in the gap.
        gap: `Gap`.

    Returns:
        `composed` with other notes in the gap.

    Raises:
        ValueError: if either side has no note in the gap.
    """
    old, new = notes_in_gap(melody, gap, "old"), notes_in_gap(composed, gap, "new")
    last_begun = np.searchsorted(composed.start_steps[new], melody.start_steps[old], side="right") - 1
    pitches = composed.pitches[new][np.maximum(last_begun, 0)]
    # A note that sounds out of the gap ends with it, as composed ones do.
    ends = np.minimum(melody.end_steps[old], gap.end_step)
    return _replace(composed, new, pitches, melody.start_steps[old], ends, melody.velocities[old])


def keep_pitches(melody: Melody, composed: Melody, gap: Gap) -> Melody:
    """Gives the pitches of a gap a new rhythm, and keeps their order.

    If the new rhythm has more notes, pitches are repeated; if it has fewer, some are left out, evenly in both cases.

    Args:
        melody: `Melody` as it was, whose pitches are kept.
        composed: `Melody` with composed notes in the gap.
        gap: `Gap`.

    Returns:
        `composed` with other pitches in the gap.

    Raises:
        ValueError: if either side has no note in the gap.
    """
    old, new = notes_in_gap(melody, gap, "old"), notes_in_gap(composed, gap, "new")
    order = np.linspace(0, old.sum() - 1, new.sum()).round().astype(int)
    columns = (composed.start_steps[new], composed.end_steps[new], composed.velocities[new])
    return _replace(composed, new, melody.pitches[old][order], *columns)


def notes_in_gap(melody: Melody, gap: Gap, kind: str) -> Bool[np.ndarray, " M"]:
    """Finds the notes that start in a gap.

    Args:
        melody: `Melody`.
        gap: `Gap`.
        kind: `"old"` or `"new"`, what the notes are called where there are none.

    Returns:
        bool array (M,).

    Raises:
        ValueError: if there is none.
    """
    inside = (melody.start_steps >= gap.first_step) & (melody.start_steps < gap.end_step)
    if not inside.any():
        raise ValueError(f"Bars {gap.name} have no {kind} note, so there is no rhythm and no pitch to keep")
    return inside


def _replace(melody, chosen, *columns):
    """A melody with other notes (pitches, starts, ends, velocities) in the place of the chosen ones."""
    first = int(chosen.argmax())
    names = ("pitches", "start_steps", "end_steps", "velocities")
    values = {
        name: np.insert(getattr(melody, name)[~chosen], first, column)
        for name, column in zip(names, columns, strict=True)
    }
    return dataclasses.replace(melody, num_source_notes=None, **values)
