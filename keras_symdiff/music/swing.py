"""Where the off-beats of a song stand: straight, swung, or in triplets."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff import constants

STRAIGHT = 0.5
_NEAR = 0.06  # of a pair; as far as a sixteenth of a quarter, beyond which another position is nearer
_RATIOS = np.linspace(0.53, 0.69, 33)  # below lies what players do without meaning to, beyond a dotted rhythm
_PAIRS = (constants.STEPS_PER_QUARTER, constants.STEPS_PER_QUARTER // 2)  # eighths; else sixteenths
_LATEST, _ALIKE = 0.125, 0.02  # quarters; what a track may be off the grid as a whole, and note by note
_STANDING = 0.03  # of a pair; within which a note stands at a step
_LEAST_OFF_BEATS = 12
_LEAST_SHARE = 0.6  # of the notes off the beat, those that stand at the steps of a swing
_MARGIN = 0.3  # by which that share is above the one of straight steps
_LEAST_ON_BEATS = 0.25  # of the notes in the middle of pairs
_LEAST_THIRDS, _LEAST_TRIPLETS = 0.8, 0.3  # of the notes off the beat, those at thirds; of all, those off the beat
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

    The notes off the beat of all tracks are taken together. The swing with a ratio from .53 to .69 at whose steps most
    of them stand is tried, of eighths and else of sixteenths; its ratio is then the median of the notes in the middle
    of its pairs. The song swings so if these are 12 or more, and if three in five of the notes off the beat stand at
    its steps, .3 more than stand at straight ones.

    - Each track's own distance from the grid, that of most onsets near beats, is taken off before.
    - Tracks whose notes off the beat stand neither straight nor at steps of any swing, as in runs of quintuplets, do
      not count.
    - No track may stand straighter than swung: a singer in straight eighths above triplets stays straight.
    - Where notes in the middle of pairs are more than four to one on the beat, it is not known where beats are; neither
      where more notes stand at the sixteenths of a quarter than on it and in its middle together.
    - The song is in triplets, and does not swing, if four in five of the notes off the beat lie at thirds of the
      quarter, a quarter of these at the first, in each track, and if they are three in ten of all onsets.

    Args:
        places: onsets of each track, in quarters from the start of a bar.

    Returns:
        A `Swing`.

    Example:
    ```python
    estimate_swing([np.arange(64) // 2 + np.arange(64) % 2 * 0.62]).ratio  # 0.62
    ```
    """
    tracks, on_beats = [], 0
    for track in places:
        beats = (track - _lateness(track)) % 1
        off = np.sort(beats[(beats > _NEAR) & (beats < 1 - _NEAR)])
        shares = [_share(off, np.append(_RATIOS, STRAIGHT), steps).max() for steps in _PAIRS]
        if len(off) < _LEAST_OFF_BEATS or max(shares) >= _LEAST_SHARE:
            tracks.append(off)
            on_beats += len(beats) - len(off)
    off = np.sort(np.concatenate([*tracks, np.zeros(0)]))
    telling = [track for track in tracks if len(track) >= _LEAST_OFF_BEATS]
    if len(off) >= _LEAST_TRIPLETS * (len(off) + on_beats) and all(_are_triplets(track) for track in [off, *telling]):
        return Swing(_TRIPLETS, triplets=True)
    for steps in _PAIRS:
        ratio = _ratio(off, steps, on_beats)
        if ratio and all(_share(track, ratio, steps) > _share(track, STRAIGHT, steps) for track in telling):
            return Swing(ratio, steps)
    return NO_SWING


def _ratio(off, steps, on_beats):
    """The ratio of a swing of pairs of some length, or 0 if too few notes stand at its steps."""
    shares = _share(off, _RATIOS, steps)
    best = np.flatnonzero(shares == shares.max())
    ratio, pairs = _RATIOS[best[len(best) // 2]], constants.STEPS_PER_QUARTER // steps
    within = off * pairs % 1
    middles = within[np.abs(within - ratio) <= _STANDING]
    if len(middles) < _LEAST_OFF_BEATS or on_beats < _LEAST_ON_BEATS * len(middles):
        return 0
    ratio = float(np.median(middles))
    share, straight = (_share(off, value, steps) for value in (ratio, STRAIGHT))
    first, middle, third = _counts(off, ratio, steps)
    are_triplets_of_halves = 2 * first > middle and first > 2 * third
    are_beats_known = on_beats + middle >= first + third
    swings = share >= max(_LEAST_SHARE, straight + _MARGIN) and are_beats_known and not are_triplets_of_halves
    return ratio if swings and _RATIOS[0] <= ratio <= _RATIOS[-1] else 0


def _share(off, ratio, steps):
    """Share of sorted notes that stand at the steps between beats if pairs of some length swing."""
    return _counts(off, ratio, steps).sum(axis=-1) / max(len(off), 1)


def _counts(off, ratio, steps):
    """How many of some sorted notes stand at each of the three steps between beats; any ratios, int (..., 3)."""
    first = np.asarray(ratio) / 2
    third = first + 0.5
    places = np.stack([first, first * 2 if steps == constants.STEPS_PER_QUARTER else 0 * first + 0.5, third], axis=-1)
    tolerance = _STANDING * steps / constants.STEPS_PER_QUARTER
    return np.searchsorted(off, places + tolerance, "right") - np.searchsorted(off, places - tolerance)


def _lateness(track):
    """How late a track's notes on the beat are, in quarters: the median of the most that are late alike.

    0 if that is more than half a step: then it is not known where the beats are.
    """
    distances = np.sort((track + 0.5) % 1 - 0.5)
    near = distances[np.abs(distances) < _LATEST + 3 * _ALIKE]
    if not len(near):
        return 0.0
    alike = np.searchsorted(near, near + _ALIKE, "right") - np.searchsorted(near, near - _ALIKE)
    most = near[np.argmax(alike * (1 - np.abs(near)))]  # of two, the nearer to the beat
    late = float(np.median(near[np.abs(near - most) <= _ALIKE]))
    return late if abs(late) <= _LATEST else 0.0


def _are_triplets(off):
    """Whether notes off the beat stand at thirds of the quarter, and at the first ones too."""
    first, second, late = (np.sum(np.abs(off - place) < _NEAR) for place in (1 / 3, 2 / 3, 5 / 6))
    thirds = first + second
    return thirds >= _LEAST_THIRDS * len(off) and first >= 0.25 * thirds and first > 2 * late
