"""The notes of gaps in a melody."""

import numpy as np

from keras_symdiff import constants
from keras_symdiff.diffusion.generate import infill
from keras_symdiff.vae.complete_phrases import complete_phrases

# Pieces of a seed that a window has for itself: windows of one noise would compose alike.
_PIECES_A_WINDOW = 1 << 16


def compose_gaps(
    model, transform, vae, melody, gaps, temperature=1e-3, seed=0, progress=None, sampler=None, num_takes=1
):
    """Composes the notes of gaps from those around them.

    The model sees as many phrases as it was trained on (32) in a window that is placed where most of them are known.
    A window composes what lies within half its length; then the next one goes on, and sees what the one before has
    composed: for gaps that are far apart, and for gaps of any length. It works from the left to the right, unless
    nothing is known on the left. Phrases of rest and places before and after the melody are unknown to the model: its
    training pieces have none.

    The phrases are those of the melody's grid, and the steps that fill a bar up stay empty; of a phrase that a gap
    covers in part, the steps outside are given to the decoder (`complete_phrases`), and where no phrase is known whole
    they are all there is to go by. The notes that stood in the gaps have no influence,
    except that the grid begins with the bar of the melody's first note.

    Args:
        model: `LatentDiffusion`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        melody: `Melody`.
        gaps: list of `Gap`, as `find_gaps` returns it.
        temperature: float, of decoding.
        seed: int. A take depends on it and the take's number only, up to float32 rounding.
        progress: callback `(steps done, steps in total)` of a window.
        sampler: `Sampler`. Defaults to the paper's.
        num_takes: int, takes composed at once. Defaults to `1`.

    Returns:
        A list of `Melody`, one a take, with new notes in the gaps; see `Melody.replace_steps` for notes at their edges.

    Raises:
        ValueError: if no note is within reach of a gap.
    """
    first_step = melody.first_step
    for gap in gaps:
        melody = melody.replace_steps(gap.first_step, np.zeros(gap.end_step - gap.first_step, np.int8))
    steps = _lay_out(melody, first_step)  # (N, 32), the song's step of each phrase step, -1 where a bar is filled up
    in_gap = np.zeros(steps.max() + 1, bool)  # (S,)
    for gap in gaps:
        in_gap[gap.first_step : gap.end_step] = True
    free = np.where(steps >= 0, in_gap[steps] & ~melody.grid.stays_empty(steps), False)  # (N, 32)
    length = model.denoiser.num_positions
    takes = [melody] * num_takes
    tokens, reached = _tokens(melody, steps, free)  # (N, 32), and (N,): known phrases, later composed ones, rests too
    noted = (tokens >= constants.FIRST_ONSET).any(axis=1)  # (N,), also of a phrase that a gap covers in part
    window_number = 0
    while free.any():
        # The windows of all takes are the same, so that a take is the same in any company.
        chunk = _next_chunk(free.any(axis=1), reached, length // 2)  # (K,)
        start = _place_window(chunk, free.any(axis=1) | reached, reached, length)
        shown = np.arange(start, min(start + length, len(free)))
        if not (reached | noted)[shown].any():
            bar = melody.grid.bar_of(steps[chunk[0]][steps[chunk[0]] >= 0].min()) + 1
            raise ValueError(f"No note within {length * constants.BARS_PER_PHRASE} bars around bar {bar} to go by")
        tokens, known = map(np.stack, zip(*(_tokens(take, steps, free) for take in takes), strict=True))
        latents = np.zeros((num_takes, length, transform.num_kept_dims), "float32")
        mean, _ = vae.encode(tokens[:, shown].reshape(-1, constants.PHRASE_STEPS))
        latents[:, : len(shown)] = transform.forward(mean).reshape(num_takes, len(shown), -1)
        keep_mask = np.zeros((num_takes, length), bool)
        keep_mask[:, : len(shown)] = known[:, shown]
        first_piece = window_number * _PIECES_A_WINDOW
        scaled = infill(
            model, latents, keep_mask, seed, progress=progress, first_piece=first_piece, sampler=sampler
        )  # (T, 32, D)
        composed = transform.inverse(scaled[:, chunk - start].reshape(-1, scaled.shape[-1]))  # (T * K, Z)
        forced = np.where(free[chunk], -1, tokens[:, chunk]).reshape(-1, constants.PHRASE_STEPS)  # (T * K, 32)
        new = complete_phrases(vae, composed, forced, temperature, seed + window_number)
        ready = np.zeros_like(free)
        ready[chunk] = free[chunk]
        in_song = np.zeros_like(in_gap)
        in_song[steps[ready]] = True
        for number, phrases in enumerate(new.reshape(num_takes, len(chunk), -1)):
            stream = np.zeros(len(in_gap), phrases.dtype)
            stream[steps[chunk][free[chunk]]] = phrases[free[chunk]]
            for first, end in _runs(in_song):
                takes[number] = takes[number].replace_steps(first, stream[first:end])
        free &= ~ready
        reached[chunk] = True
        window_number += 1
    return takes


def _lay_out(melody, first_step):
    """Lays out a melody in phrases of which one begins at `first_step`, wherever its gaps begin: (N, 32)."""
    steps = melody.phrase_steps.reshape(-1)
    place = int(np.flatnonzero(steps == max(0, first_step))[0]) if first_step > 0 else 0
    before, after = -place % constants.PHRASE_STEPS, place % constants.PHRASE_STEPS
    return np.pad(steps, (before, after), constant_values=-1).reshape(-1, constants.PHRASE_STEPS)


def _tokens(melody, steps, free):
    """The phrases of a melody and which of them are known whole.

    Returns:
        Tuple of int8 tokens (N, 32), where a note-off ends what a gap may leave sounding, and bool (N,).
    """
    stream = melody.events(steps.max() + 1)
    tokens = np.where(steps >= 0, stream[steps], constants.NO_EVENT)
    real = np.flatnonzero(steps.reshape(-1) >= 0)
    gap_ends = real[1:][free.reshape(-1)[real][:-1] & ~free.reshape(-1)[real][1:]]
    ended = tokens.reshape(-1)[gap_ends]
    tokens.reshape(-1)[gap_ends] = np.where(ended == constants.NO_EVENT, constants.NOTE_OFF, ended)
    onsets = tokens >= constants.FIRST_ONSET
    begun = np.logical_or.accumulate(onsets | free, axis=1)  # a phrase knows nothing of the one before it
    return np.where(begun, tokens, constants.NO_EVENT), onsets.any(axis=1) & ~free.any(axis=1)


def _next_chunk(wanted, known, most):
    """Phrases that the next window composes: those within `most` places of the first one wanted.

    Where nothing is known on the left, those before the last one of its run.
    """
    places = np.flatnonzero(wanted)
    first = places[0]
    if known[:first].any():
        return places[places < first + most]
    last = _runs(wanted)[0][1] - 1
    return places[(places > last - most) & (places <= max(last, first + most - 1))]


def _place_window(chunk, used, known, length):
    """Start of the window that holds a chunk and the most known phrases; of several, the one with it in the middle.

    The window begins no earlier than the tune; beyond its end it is moved only as far as it must be.
    """
    begin = int(used.argmax())
    end = len(used)
    first = max(begin, int(chunk[-1]) + 1 - length)
    last = max(first, min(int(chunk[0]), end - length))
    centre = (int(chunk[0]) + int(chunk[-1]) + 1 - length) / 2
    return max(range(first, last + 1), key=lambda start: (known[start : start + length].sum(), -abs(start - centre)))


def _runs(mask):
    """Starts and ends of the runs of True in a mask, a list of (start, end)."""
    edges = np.flatnonzero(np.diff(np.pad(mask.astype(np.int8), 1)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
