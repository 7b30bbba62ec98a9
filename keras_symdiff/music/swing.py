"""Where the off-beats of a song stand: straight, swung, or in triplets."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff import constants

STRAIGHT = 0.5
_NEAR = 0.06  # of a pair; as far as a sixteenth of a quarter, beyond which another position is nearer
_SWUNG = (0.53, 0.69)  # below lies what players do without meaning to, beyond a dotted rhythm
_LATEST, _ALIKE = 0.125, 0.02  # quarters; what a track may be off the grid as a whole, and note by note
_LEAST_OFF_BEATS = 12
_LEAST_SHARE = 0.8  # of the notes off the beat, those where a swung pair has its steps
_MARGIN = 0.3  # by which that share is above the one of a straight pair
_LEAST_TRIPLETS = 0.3  # of all notes, those off the beat; a tune with a few triplets is not in triplets
_TRIPLETS = 2 / 3


class Swing(NamedTuple):
    """Where the off-beat of a pair of steps stands.

    Args:
        ratio: share of the pair that is over at the off-beat: .5 is straight, .667 triplet swing.
        steps: length of the pair: 4 for eighths (a quarter), 2 for sixteenths.
        triplets: whether the song divides its beats by three. The nearest steps of a quarter's triplets are 0, 1 and 3:
            these sound as triplets, and step 2 stays empty.
    """

    ratio: float = STRAIGHT
    steps: int = constants.STEPS_PER_QUARTER
    triplets: bool = False

    def __str__(self):
        if self.triplets:
            return "triplets, three notes per beat"
        if self == NO_SWING:
            return "none"
        return (
            f"off-beat {'eighths' if self.steps == constants.STEPS_PER_QUARTER else 'sixteenths'} at {self.ratio:.2f}"
        )

    def bend(self, steps: Int[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """Places, in sixteenths from the bar line, at which steps sound."""
        if self.triplets:
            beat, step = np.divmod(steps, constants.STEPS_PER_QUARTER)
            return (beat + np.array([0, 1 / 3, 1 / 2, 2 / 3])[step]) * constants.STEPS_PER_QUARTER
        return self._move(steps, STRAIGHT, self.ratio)

    def unbend(self, places: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """Steps, with fractions, of places: the inverse of `bend`, but triplets are given the nearest step."""
        return np.asarray(places, np.float64) if self.triplets else self._move(places, self.ratio, STRAIGHT)

    def _move(self, places, middle, moved):
        """Moves places so that the `middle` of each pair comes to `moved`, straight on both sides."""
        pair, place = np.divmod(np.asarray(places, np.float64) / self.steps, 1)
        late = moved + (place - middle) / (1 - middle) * (1 - moved)
        return (pair + np.where(place < middle, place / middle * moved, late)) * self.steps


NO_SWING = Swing()


def estimate_swing(places: Sequence[Float[np.ndarray, " _"]]) -> Swing:
    """Estimates the swing of a song from its onsets.

    A track swings if at least 12 of its onsets lie off the beat, and four in five of these where the steps of a pair
    are whose middle is between .53 and .69: a quarter, or else an eighth. It is in triplets if four in five lie at
    thirds of the quarter, a quarter of these at the first, and if they are three in ten of all onsets. Its own distance
    from the grid, that of most onsets near beats, is taken off before. The song swings if all tracks with 12 onsets off
    the beat do, alike: a singer in straight eighths above triplets stays straight.

    Args:
        places: onsets of each track, in quarters from the start of a bar.

    Returns:
        A `Swing`.

    Example:
    ```python
    estimate_swing([np.arange(64) // 2 + np.arange(64) % 2 * 0.62]).ratio  # 0.62
    ```
    """
    swings = []
    for track in places:
        beats = (track - _lateness(track)) % 1
        off = beats[(beats > _NEAR) & (beats < 1 - _NEAR)]
        if len(off) >= _LEAST_OFF_BEATS:
            swings.append((len(off), _swing_of_track(beats, off)))
    if not swings:
        return Swing()
    ratios, steps = np.array([swing.ratio for _, swing in swings]), {swing.steps for _, swing in swings}
    if len(steps) > 1 or np.ptp(ratios) > _NEAR or STRAIGHT in ratios:
        return Swing()
    ratio = float(np.average(ratios, weights=[count for count, _ in swings]))
    triplets = all(swing.triplets for _, swing in swings)
    return Swing(_TRIPLETS if triplets else ratio, steps.pop(), triplets)


def _lateness(track):
    """How late a track's notes on the beat are, in quarters: the median of the most that are late alike."""
    distances = np.sort((track + 0.5) % 1 - 0.5)
    near = distances[np.abs(distances) < _LATEST]
    if not len(near):
        return 0.0
    alike = np.searchsorted(near, near + _ALIKE, "right") - np.searchsorted(near, near - _ALIKE)
    most = near[np.argmax(alike * (1 - np.abs(near)))]  # of two, the nearer to the beat
    return float(np.median(near[np.abs(near - most) <= _ALIKE]))


def _swing_of_track(beats, off):
    """The swing of places in a quarter, of which `off` are off the beat."""
    first, second = (np.abs(off - third) < _NEAR for third in (1 / 3, 2 / 3))
    are_thirds = np.mean(first | second) >= _LEAST_SHARE and first.sum() >= 0.25 * (first | second).sum()
    if are_thirds and len(off) >= _LEAST_TRIPLETS * len(beats):
        return Swing(_TRIPLETS, triplets=True)
    for steps in (constants.STEPS_PER_QUARTER, constants.STEPS_PER_QUARTER // 2):
        ratio = _off_beat(beats * constants.STEPS_PER_QUARTER / steps % 1, steps)
        if ratio is not None:
            return Swing(ratio, steps)
    return Swing()


def _off_beat(places, steps):
    """The place within a pair at which the off-beats are, if a track swings; else None."""
    off = places[(places > _NEAR) & (places < 1 - _NEAR)]
    within = np.sort(off[(off >= _SWUNG[0] - _ALIKE) & (off <= _SWUNG[1] + _ALIKE)])
    if len(within) < _LEAST_OFF_BEATS:
        return None
    alike = np.searchsorted(within, within + _ALIKE, "right") - np.searchsorted(within, within - _ALIKE)
    ratio = float(np.median(within[np.abs(within - within[alike.argmax()]) <= _ALIKE]))

    def share(middle):
        """Share of the notes off the beat that stand where a pair with this middle has its steps."""
        standing = np.array(
            [middle / 2, middle, (1 + middle) / 2] if steps == constants.STEPS_PER_QUARTER else [middle]
        )
        return np.mean(np.abs(off[:, None] - standing).min(axis=1) <= 1.5 * _ALIKE)

    before, on = (np.sum(np.abs(off - place) <= 1.5 * _ALIKE) for place in (ratio / 2, ratio))
    if 2 * before > on:  # triplets of half notes, say
        return None
    swings = share(ratio) >= _LEAST_SHARE and share(ratio) >= share(STRAIGHT) + _MARGIN
    return ratio if swings and _SWUNG[0] <= ratio <= _SWUNG[1] else None
