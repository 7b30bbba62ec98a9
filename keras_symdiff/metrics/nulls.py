"""Nulls: music that no model made, and that a score must be read beside.

They copy or mix real pieces, or are silent. The framewise metric rates most of them above any published model, so a
claim needs the ones for its task in the same table: `INFILLING_NULLS` and `UNCONDITIONAL_NULLS`, names to functions in
the order in which tables show them.

All functions take pieces `tokens (P, L, 32)`, give back new ones of the same shape and dtype, and are pure: piece p
depends on the seed, on p and on the real pieces only. Phrases move as they are. A note that is still held at the end of
a phrase therefore sounds into its new neighbour until the next event, as between phrases that a model made.
"""

import numpy as np
from jaxtyping import Bool, Int

from keras_symdiff import constants
from keras_symdiff.noise_streams import Purpose, noise_streams


def own_shuffled(
    tokens: Int[np.ndarray, "P L 32"], keep_mask: Bool[np.ndarray, " L"], seed: int = 0
) -> Int[np.ndarray, "P L 32"]:
    """Fills the gap with the piece's given phrases in random order, all of them before any for a second time.

    Args:
        tokens: the pieces.
        keep_mask: True for a given phrase. The gap need not be in one part.
        seed: at least 0. Defaults to `0`.

    Returns:
        An array like `tokens`, its given phrases unchanged.

    Raises:
        ValueError: if `keep_mask` is not L booleans, at least one of them True.

    Example:
    ```python
    keep_mask = np.ones(32, bool)
    keep_mask[8:24] = False  # bars 17-48
    filled = {name: null(tokens, keep_mask, seed=1) for name, null in INFILLING_NULLS.items()}
    ```
    """
    given, gap = _given_and_gap(tokens, keep_mask)
    rounds = len(gap) // len(given) + 1
    sources = [
        np.concatenate([stream.permutation(given) for _ in range(rounds)])[: len(gap)]
        for stream in _streams(seed, tokens)
    ]
    return _fill(tokens, gap, sources)


def start_copied(
    tokens: Int[np.ndarray, "P L 32"], keep_mask: Bool[np.ndarray, " L"], seed: int = 0
) -> Int[np.ndarray, "P L 32"]:
    """Fills the gap with the phrases before it, from the start of the piece and again until it is full.

    A gap at the very start is filled with the given phrases in their order.

    Args and Returns: as `own_shuffled`. `seed` has no effect.
    """
    del seed
    given, gap = _given_and_gap(tokens, keep_mask)
    before = given[given < gap.min(initial=len(keep_mask))]
    return _fill(tokens, gap, np.resize(before if len(before) else given, len(gap)))


def looped(
    tokens: Int[np.ndarray, "P L 32"], keep_mask: Bool[np.ndarray, " L"], seed: int = 0
) -> Int[np.ndarray, "P L 32"]:
    """Fills the gap with the given phrase just before it, again and again.

    A gap at the very start is filled with the first given phrase.

    Args and Returns: as `own_shuffled`. `seed` has no effect.
    """
    del seed
    given, gap = _given_and_gap(tokens, keep_mask)
    return _fill(tokens, gap, given[np.maximum(np.searchsorted(given, gap) - 1, 0)])


def other_tune(
    tokens: Int[np.ndarray, "P L 32"], keep_mask: Bool[np.ndarray, " L"], seed: int = 0
) -> Int[np.ndarray, "P L 32"]:
    """Fills the gap with the same bars of another piece, drawn at random.

    Args and Returns: as `own_shuffled`; there must be at least two pieces.
    """
    _, gap = _given_and_gap(tokens, keep_mask)
    others = _other_pieces(tokens, seed, 1)  # (P, 1)
    filled = tokens.copy()
    filled[:, gap] = tokens[others, gap]
    return filled


def silent_gap(
    tokens: Int[np.ndarray, "P L 32"], keep_mask: Bool[np.ndarray, " L"], seed: int = 0
) -> Int[np.ndarray, "P L 32"]:
    """Leaves the gap silent: the note before it ends where it starts.

    Args and Returns: as `own_shuffled`. `seed` has no effect.
    """
    del seed
    _, gap = _given_and_gap(tokens, keep_mask)
    filled = tokens.copy()
    filled[:, gap] = _silence()
    return filled


def piece_shuffled(tokens: Int[np.ndarray, "P L 32"], seed: int = 0) -> Int[np.ndarray, "P L 32"]:
    """Puts all phrases of each piece in random order.

    Args:
        tokens: the pieces.
        seed: at least 0. Defaults to `0`.

    Returns:
        An array like `tokens`.
    """
    num_phrases = tokens.shape[1]
    sources = [stream.permutation(num_phrases) for stream in _streams(seed, tokens)]
    return _fill(tokens, np.arange(num_phrases), sources)


def piece_looped(tokens: Int[np.ndarray, "P L 32"], seed: int = 0) -> Int[np.ndarray, "P L 32"]:
    """Repeats the first phrase of each piece throughout.

    Args and Returns: as `piece_shuffled`. `seed` has no effect.
    """
    del seed
    return np.repeat(tokens[:, :1], tokens.shape[1], axis=1)


def mixed_tunes(tokens: Int[np.ndarray, "P L 32"], seed: int = 0) -> Int[np.ndarray, "P L 32"]:
    """Takes each phrase from another piece, drawn at random, at the same place.

    Args and Returns: as `piece_shuffled`; there must be at least two pieces.
    """
    num_phrases = tokens.shape[1]
    return tokens[_other_pieces(tokens, seed, num_phrases), np.arange(num_phrases)]


def silent_piece(tokens: Int[np.ndarray, "P L 32"], seed: int = 0) -> Int[np.ndarray, "P L 32"]:
    """Gives pieces without a note.

    Args and Returns: as `piece_shuffled`. `seed` has no effect.
    """
    del seed
    return np.broadcast_to(_silence().astype(tokens.dtype), tokens.shape).copy()


INFILLING_NULLS = {
    "own phrases shuffled": own_shuffled,
    "first bars copied": start_copied,
    "one loop": looped,
    "another tune's bars": other_tune,
    "silence": silent_gap,
}
UNCONDITIONAL_NULLS = {
    "own phrases shuffled": piece_shuffled,
    "one loop": piece_looped,
    "phrases of other tunes": mixed_tunes,
    "silence": silent_piece,
}


def _given_and_gap(tokens, keep_mask):
    """Indices of the given phrases and of the others."""
    keep_mask = np.asarray(keep_mask)
    if keep_mask.dtype != bool or keep_mask.shape != tokens.shape[1:2]:
        raise ValueError(
            f"`keep_mask` must be bool of shape ({tokens.shape[1]},), one per phrase. "
            f"Received: keep_mask of shape {keep_mask.shape} and dtype {keep_mask.dtype}"
        )
    if not keep_mask.any():
        raise ValueError(f"At least one phrase must be given. Received: keep_mask={keep_mask}")
    return np.flatnonzero(keep_mask), np.flatnonzero(~keep_mask)


def _fill(tokens, gap, sources):
    """Puts phrases `sources` ((G,), or (P, G)) of the same piece into the phrases `gap` (G,)."""
    filled = tokens.copy()
    filled[:, gap] = tokens[np.arange(len(tokens))[:, None], np.asarray(sources)]
    return filled


def _other_pieces(tokens, seed, num_draws):
    """Draws for each piece the index of another one, `num_draws` times: (P, num_draws)."""
    num_pieces = len(tokens)
    if num_pieces < 2:
        raise ValueError(f"Another tune takes at least two pieces. Received: tokens of shape {tokens.shape}")
    shifts = np.stack([stream.integers(1, num_pieces, num_draws) for stream in _streams(seed, tokens)])
    return (np.arange(num_pieces)[:, None] + shifts) % num_pieces


def _streams(seed, tokens):
    return noise_streams(seed, range(len(tokens)), Purpose.NULL)


def _silence():
    """A silent phrase: its note-off ends a note that is held into it."""
    phrase = np.zeros(constants.PHRASE_STEPS, np.int8)
    phrase[0] = constants.NOTE_OFF
    return phrase
