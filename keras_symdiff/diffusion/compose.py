"""The phrases of a gap in a melody."""

import numpy as np

from keras_symdiff.diffusion.generate import infill


def compose_gap(model, transform, vae, melody, gap, temperature=1e-3, seed=0, progress=None):
    """Composes the phrases of a gap from those around it.

    The model sees as many phrases as it was trained on (32), placed around the gap. Phrases of rest and places before
    and after the melody are unknown to it: its training pieces have none.

    Args:
        model: `LatentDiffusion`.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        melody: `Melody`.
        gap: `Gap` of the melody.
        temperature: float, of decoding.
        seed: int.
        progress: callback `(steps done, steps in total)`.

    Returns:
        int8 array (K, 32): tokens of the gap's K phrases.
    """
    tokens, rests = melody.phrases()  # (N, 32), (N,)
    length = model.denoiser.num_positions
    # Centre the window on the gap, then move it into the melody as far as that goes.
    start = gap.first_phrase + gap.num_phrases // 2 - length // 2
    start = max(0, min(start, len(tokens) - length))
    shown = slice(start, start + length)
    mean, _ = vae.encode(tokens[shown])
    latents = np.zeros((1, length, transform.num_kept_dims), "float32")
    latents[0, : len(mean)] = transform.forward(mean)
    keep_mask = np.zeros((1, length), bool)
    keep_mask[0, : len(mean)] = ~rests[shown]
    first = gap.first_phrase - start
    keep_mask[0, first : first + gap.num_phrases] = False
    scaled = infill(model, latents, keep_mask, seed, progress=progress)  # (1, 32, D)
    composed = transform.inverse(scaled[0, first : first + gap.num_phrases])  # (K, Z)
    return vae.decode(composed, temperature, seed)
