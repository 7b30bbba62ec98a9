"""The notes of gaps in a melody."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_symdiff import constants
from keras_symdiff.diffusion.generate import infill
from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.infilling.gaps import runs_of
from keras_symdiff.infilling.layout import Layout, phrase_tokens
from keras_symdiff.infilling.told import Told, window
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.melody import Melody
from keras_symdiff.noise_streams import PIECES_PER_WINDOW
from keras_symdiff.vae.complete_phrases import complete_phrases
from keras_symdiff.vae.music_vae import MusicVAE


def compose_gaps(
    model: LatentDiffusion,
    transform: LatentTransform,
    vae: MusicVAE,
    layout: Layout,
    temperature: float = 1e-3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    sampler: Sampler | None = None,
    num_takes: int = 1,
    told: Sequence[Told] | None = None,
) -> list[Melody]:
    """Composes the notes of gaps from those around them.

    The model sees as many phrases as it was trained on (32) in a window, which is placed where most of them are given.
    A window composes what lies within half its length; then the next one follows, and sees what the one before has
    composed: for gaps that are far apart, and for gaps of any length. Windows follow from left to right, unless nothing
    is given on the left. Phrases of rest and places before and after the melody are unknown to the model: its training
    pieces have none.

    The phrases are those of the melody's bars, and the steps that fill a bar up stay empty. Where a gap covers a phrase
    in part, its other steps are given to the decoder (`complete_phrases`). The notes that stood in the gaps have no
    influence, except that the phrases begin with the bar of the melody's first note.

    Args:
        model: `LatentDiffusion`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        layout: `Layout` of the melody, in the key in which the model hears it.
        temperature: of decoding.
        seed: at least 0. A take depends on it and the take's number only, up to float32 rounding.
        progress: called with (steps done, steps in total) of a window. Defaults to `None`.
        sampler: `Sampler`. Defaults to the paper's.
        num_takes: takes composed at once.
        told: what the model is told of the phrases of each take, which differs in plans of repeats only. Defaults to
            `None`: nothing.

    Returns:
        A melody for each take, with new notes in the gaps; see `Melody.replace_steps` for notes at their edges.

    Raises:
        ValueError: if no note is within reach of a gap, though the melody has some.
    """
    melody, _, steps, free = layout
    free = free.copy()
    length, hears = model.denoiser.num_positions, model.denoiser.condition_dim is not None
    takes = [melody] * num_takes
    tokens, reached = phrase_tokens(
        melody, steps, free
    )  # (N, 32), and (N,): known phrases, later composed ones, rests too
    noted = (tokens >= constants.FIRST_ONSET).any(axis=1)  # (N,), also of a phrase that a gap covers in part
    window_number = 0
    while free.any():
        # The windows of all takes are the same, so that a take is the same in any company.
        chunk = _next_chunk(free.any(axis=1), reached, length // 2)  # (K,)
        start = _place_window(chunk, free.any(axis=1) | reached, reached, length)
        shown = np.arange(start, min(start + length, len(free)))
        if len(melody.pitches) and not (reached | noted)[shown].any():
            bar = melody.grid.bar_of(steps[chunk[0]][steps[chunk[0]] >= 0].min()) + 1
            reach = length * constants.BARS_PER_PHRASE
            raise ValueError(f"There is no note within {reach} bars of bar {bar} to continue from")
        tokens, known = map(np.stack, zip(*(phrase_tokens(take, steps, free) for take in takes), strict=True))
        latents = np.zeros((num_takes, length, transform.num_kept_dims), "float32")
        mean, _ = vae.encode(tokens[:, shown].reshape(-1, constants.PHRASE_STEPS))
        latents[:, : len(shown)] = transform.forward(mean).reshape(num_takes, len(shown), -1)
        keep_mask = np.zeros((num_takes, length), bool)
        keep_mask[:, : len(shown)] = known[:, shown]
        first_piece = window_number * PIECES_PER_WINDOW
        heard: dict[str, Any] = {} if told is None else window(told, start, int(shown[-1]) + 1, length, hears)
        if told is not None and told[0].start is not None:
            begun = transform.forward(vae.encode(told[0].start[shown])[0])  # (K, D)
            begun = np.pad(begun, ((0, length - len(shown)), (0, 0))).astype("float32")
            heard |= {"start": np.repeat(begun[None], num_takes, axis=0), "variation": told[0].variation}
        scaled = infill(
            model, latents, keep_mask, seed, progress=progress, first_piece=first_piece, sampler=sampler, **heard
        )  # (T, 32, D)
        composed = transform.inverse(scaled[:, chunk - start].reshape(-1, scaled.shape[-1]))  # (T * K, Z)
        forced = np.where(free[chunk], -1, tokens[:, chunk]).reshape(-1, constants.PHRASE_STEPS)  # (T * K, 32)
        bias = None if told is None or told[0].bias is None else np.tile(told[0].bias[chunk], (num_takes, 1, 1))
        new = complete_phrases(vae, composed, forced, temperature, seed + window_number, bias)
        ready = np.zeros_like(free)
        ready[chunk] = free[chunk]
        in_song = np.zeros(steps.max() + 1, bool)
        in_song[steps[ready]] = True
        for number, phrases in enumerate(new.reshape(num_takes, len(chunk), -1)):
            stream = np.zeros(len(in_song), phrases.dtype)
            stream[steps[chunk][free[chunk]]] = phrases[free[chunk]]
            for first, end in runs_of(in_song):
                takes[number] = takes[number].replace_steps(first, stream[first:end])
        free &= ~ready
        reached[chunk] = True
        window_number += 1
    return takes


def _next_chunk(wanted, known, most):
    """Phrases that the next window composes: those within `most` places of the first one wanted.

    Where nothing is known on the left, those before the last one of its run.
    """
    places = np.flatnonzero(wanted)
    first = places[0]
    if known[:first].any():
        return places[places < first + most]
    last = runs_of(wanted)[0][1] - 1
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
