"""How well melodies fit what the other tracks sound."""

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff import constants
from keras_symdiff.music.harmony import sounding
from keras_symdiff.music.key import estimate_key

_QUARTER = constants.STEPS_PER_QUARTER


def chord_fit(
    tokens: Int[np.ndarray, "*P L 32"], chroma: Float[np.ndarray, "*P L 8 12"]
) -> dict[str, Float[np.ndarray, "*P"]]:
    """Compares each piece with its harmony.

    Only time in which the melody sounds, over a beat in which the other tracks do, is judged. A pitch class is heard
    in a beat if it sounds for half a sixteenth of it or longer.

    - `chord_tone_time`: share of that time on a pitch class that is heard in the beat.
    - `chord_tone_onsets`: share of onsets on one.
    - `chord_tone_strong`: the same of onsets on the first and third quarter of a bar of 16 steps.
    - `clash_time`: share of the time a semitone beside a pitch class that is heard, on none that is.
    - `clash_bars`: share of the bars with such time that have a quarter note or more of clash.
    - `in_key`: share of the time inside the scale of the key that the piece's harmony is in, as `music.key` finds it.

    Where a number has no meaning it is NaN: all of a piece without melody or harmony.

    Args:
        tokens: phrases of pieces. A note sounds until the next event, over the ends of phrases too.
        chroma: shares of each beat in which the other tracks sound each pitch class; NaN where nobody knows.

    Returns:
        Dict of name to float64 array, a number per piece, in the order above.

    Raises:
        ValueError: if the shapes do not fit each other.

    Example:
    ```python
    chord_fit(tokens[0], chroma)["chord_tone_time"].mean()
    ```
    """
    tokens, chroma = np.asarray(tokens), np.asarray(chroma, dtype=np.float64)
    beats = constants.PHRASE_STEPS // _QUARTER
    if tokens.ndim < 2 or tokens.shape[-1] != constants.PHRASE_STEPS or chroma.shape != (*tokens.shape[:-1], beats, 12):
        raise ValueError(
            f"`tokens` are (..., L, {constants.PHRASE_STEPS}) and `chroma` (..., L, {beats}, 12). "
            f"Received: tokens of shape {tokens.shape}, chroma of shape {chroma.shape}"
        )
    pieces = tokens.shape[:-2]
    stream = tokens.reshape(*pieces, -1).astype(np.int64)  # (..., S)
    steps = np.arange(stream.shape[-1])
    last_event = np.maximum.accumulate(np.where(stream != constants.NO_EVENT, steps, 0), axis=-1)
    token = np.take_along_axis(stream, last_event, axis=-1)
    classes = (token + constants.PITCH_OFFSET) % 12  # of what sounds, (..., S)

    heard = np.repeat(sounding(chroma).reshape(*pieces, -1, 12), _QUARTER, axis=-2)  # (..., S, 12)
    judged = (token >= constants.FIRST_ONSET) & heard.any(axis=-1)
    onset = judged & (stream >= constants.FIRST_ONSET)

    def at(semitones):
        return np.take_along_axis(heard, ((classes + semitones) % 12)[..., None], axis=-1)[..., 0]

    fits = at(0)
    clashes = judged & ~fits & (at(1) | at(-1))
    bars = clashes.reshape(*pieces, -1, constants.STEPS_PER_BAR).sum(axis=-1) >= _QUARTER
    judged_bars = judged.reshape(*pieces, -1, constants.STEPS_PER_BAR).any(axis=-1)
    strong = steps % (2 * _QUARTER) == 0
    in_scale = np.take_along_axis(_scales(chroma), classes, axis=-1)
    return {
        "chord_tone_time": _share(fits, judged),
        "chord_tone_onsets": _share(fits, onset),
        "chord_tone_strong": _share(fits, onset & strong),
        "clash_time": _share(clashes, judged),
        "clash_bars": _share(bars, judged_bars),
        "in_key": _share(in_scale, judged),
    }


def _scales(chroma):
    """Pitch classes (..., 12) inside the key of each harmony (..., L, 8, 12)."""
    weights = np.nansum(chroma, axis=(-3, -2))  # (..., 12)
    scales = [np.isin(np.arange(12), estimate_key(weight)[0].pitch_classes) for weight in weights.reshape(-1, 12)]
    return np.reshape(scales, weights.shape)


def _share(chosen, among):
    """Share of `among` that is chosen too, along the last axis; NaN where there is none."""
    counts = among.sum(axis=-1)
    unknown = np.full(counts.shape, np.nan)
    return np.divide((chosen & among).sum(axis=-1), counts, out=unknown, where=counts > 0)
