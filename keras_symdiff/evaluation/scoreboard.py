"""The outside scoreboard: 16 bars of which bars 7 to 10 are infilled, as SketchNet and InpaintNet were measured."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int

from keras_symdiff.evaluation.markdown import cell, row
from keras_symdiff.evaluation.score import figure
from keras_symdiff.metrics.intervals import resampled_counts
from keras_symdiff.metrics.note_agreement import note_agreement
from keras_symdiff.noise_streams import Purpose, noise_streams

PIECE_PHRASES = 8  # 16 bars
GAP = slice(3, 5)  # phrases of bars 7 to 10
# What papers print for Irish tunes: position F1, pitch accuracy, rhythm accuracy. Other tunes, so a guide only.
PUBLISHED = {
    "VLI (Chang et al., 2021)": (0.968, 0.911, 0.965),
    "ARNN (Hadjeres and Nielsen, 2020)": (0.930, 0.657, 0.860),
    "SketchNet (Chen et al., 2020)": (0.914, 0.560, 0.868),
    "InpaintNet (Pati et al., 2019)": (0.860, 0.517, 0.750),
}
_COPIES = {  # phrases that stand in for the two of the gap
    "Null: bars 3-6 copied": (1, 2),
    "Null: bars 1-4 copied": (0, 1),
    "Null: bars 11-14 copied": (5, 6),
}


def keep_mask() -> Bool[np.ndarray, "8"]:
    """True for the six phrases that are given."""
    mask = np.ones(PIECE_PHRASES, bool)
    mask[GAP] = False
    return mask


def scoreboard(
    generators: dict[str, Callable[[], Int[np.ndarray, "P 8 32"]]], tokens: Int[np.ndarray, "P 8 32"], seed: int = 0
) -> dict[str, dict]:
    """Scores infills of bars 7 to 10 against what stood there, beside nulls that copy the piece's own bars.

    Args:
        generators: functions without arguments by name; each returns all pieces with their gap infilled.
        tokens: integer array (P, 8, 32): real pieces of 16 bars.
        seed: integer, for the null that draws given phrases at random.

    Returns:
        JSON-able dict of name to `position_f1`, `pitch_accuracy` and `rhythm_accuracy`, each a dict of `value`, `low`
        and `high`, the ends of its 95 % interval by resampling pieces; `None` where there is nothing to count.

    Raises:
        ValueError: if `tokens` are no pieces of 8 phrases.
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 3 or not len(tokens) or tokens.shape[1] != PIECE_PHRASES:
        raise ValueError(f"`tokens` must be of shape (P, {PIECE_PHRASES}, 32). Received: shape {tokens.shape}")
    made = {name: np.asarray(make())[:, GAP] for name, make in generators.items()}
    made |= {name: tokens[:, phrases] for name, phrases in _COPIES.items()}
    given = np.flatnonzero(keep_mask())
    streams = noise_streams(seed, range(len(tokens)), Purpose.NULL)
    made["Null: own phrases at random"] = np.stack(
        [piece[stream.choice(given, 2, replace=False)] for piece, stream in zip(tokens, streams, strict=True)]
    )
    original = tokens[:, GAP].reshape(len(tokens), -1)
    weights = resampled_counts(len(tokens))
    result = {}
    for name, gap in made.items():
        gap = gap.reshape(len(tokens), -1)
        values, resamples = note_agreement(gap, original), note_agreement(gap, original, weights)
        result[name] = {
            field: figure(float(value), resampled)
            for field, value, resampled in zip(values._fields, values, resamples, strict=True)
        }
    return result


def scoreboard_table(board: dict) -> str:
    """Renders `num_pieces` and `rows`, what `scoreboard` returned, in Markdown, the published figures below."""
    head = [f"{board['num_pieces']} pieces", "position F1", "pitch accuracy", "rhythm accuracy"]
    lines = [row(head), row(["---"] * len(head))]
    lines += [row([name, *(cell(found, 3) for found in figures.values())]) for name, figures in board["rows"].items()]
    for name, figures in PUBLISHED.items():
        lines.append(row([f"{name}, Irish tunes", *(f"{number:.3f}" for number in figures)]))
    return "\n".join(lines)
