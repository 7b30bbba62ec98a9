"""How far a model does what it is asked for."""

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff import constants


def asked_against_got(asked: Float[np.ndarray, " N"], got: Float[np.ndarray, " N"]) -> dict[str, float]:
    """Compares numbers that were asked for with those of the music that came.

    Args:
        asked: what was asked for in each piece, such as onsets per bar.
        got: what each piece has; NaN where it has no such number. Such pieces are left out.

    Returns:
        Dict of `correlation` (Pearson's) and `slope` of the line of least squares: 1 and 1 for perfect obedience. NaN
        where fewer than two pieces remain, or all are asked for the same; the correlation also where all got the same.

    Raises:
        ValueError: if the shapes differ.

    Example:
    ```python
    asked_against_got(np.linspace(2, 8, len(tokens)), piece_statistics(tokens)["note_density"])["correlation"]
    ```
    """
    asked, got = np.asarray(asked, dtype=np.float64), np.asarray(got, dtype=np.float64)
    if asked.ndim != 1 or asked.shape != got.shape:
        raise ValueError(f"There is one number got for each asked. Received: shapes {asked.shape} and {got.shape}")
    known = np.isfinite(asked) & np.isfinite(got)
    x, y = asked[known], got[known]
    x, y = x - x.mean() if len(x) else x, y - y.mean() if len(y) else y
    xx, yy, xy = float(x @ x), float(y @ y), float(x @ y)
    return {
        "correlation": xy / np.sqrt(xx * yy) if xx > 0 and yy > 0 else float("nan"),
        "slope": xy / xx if xx > 0 else float("nan"),
    }


def form_fit(
    tokens: Int[np.ndarray, "*P L 32"], repeats: Int[np.ndarray, "*P L"]
) -> dict[str, Float[np.ndarray, "*P"]]:
    """Compares the repeats of pieces with those that were planned.

    - `planned_exact`: share of the phrases planned as a repeat whose 32 tokens are those of the phrase repeated.
    - `unplanned_equal`: share of the pairs of phrases planned as different whose tokens are equal, among pairs with an
        onset.

    A number is NaN for a piece without such phrases or pairs.

    Args:
        tokens: phrases of pieces.
        repeats: for each phrase the index of the earliest one that it is planned to equal, its own if it is new; -1
            where nothing is planned, which is left out.

    Returns:
        Dict of name to float64 array, a number per piece.

    Raises:
        ValueError: if the shapes do not fit each other.

    Example:
    ```python
    from keras_symdiff.music.form import Form

    form_fit(tokens[0, :16], Form.parse("AABA", num_phrases=16).repeats)
    ```
    """
    tokens, repeats = np.asarray(tokens), np.asarray(repeats)
    if tokens.ndim < 2 or tokens.shape[-1] != constants.PHRASE_STEPS or repeats.shape != tokens.shape[:-1]:
        raise ValueError(
            f"`tokens` are (..., L, {constants.PHRASE_STEPS}) and `repeats` (..., L). "
            f"Received: tokens of shape {tokens.shape}, repeats of shape {repeats.shape}"
        )
    length = repeats.shape[-1]
    equal = (tokens[..., :, None, :] == tokens[..., None, :, :]).all(axis=-1)  # (..., L, L)
    known = repeats >= 0
    planned = known & (repeats != np.arange(length))
    exact = np.take_along_axis(equal, np.where(known, repeats, 0)[..., None], axis=-1)[..., 0]
    sounding = known & (tokens >= constants.FIRST_ONSET).any(axis=-1)
    different = sounding[..., :, None] & sounding[..., None, :] & (repeats[..., :, None] != repeats[..., None, :])
    different &= np.tri(length, k=-1, dtype=bool)  # each pair once
    return {
        "planned_exact": _share(exact & planned, planned, -1),
        "unplanned_equal": _share(equal & different, different, (-2, -1)),
    }


def _share(chosen, among, axes):
    counts = among.sum(axis=axes)
    return np.divide(chosen.sum(axis=axes), counts, out=np.full(np.shape(counts), np.nan), where=counts > 0)
