"""Phrases of which some steps are given, and the rest is decoded."""

import numpy as np
from jaxtyping import Float, Int, Int8

from keras_symdiff.noise_streams import Purpose, draw, noise_streams
from keras_symdiff.vae.music_vae import MusicVAE

_CANDIDATES = 16  # latents tried for a phrase


def complete_phrases(
    vae: MusicVAE,
    latents: Float[np.ndarray, "N Z"],
    forced: Int[np.ndarray, "N 32"],
    temperature: float = 1e-3,
    seed: int = 0,
    bias: Float[np.ndarray, "N 32 90"] | None = None,
) -> Int8[np.ndarray, "N 32"]:
    """Decodes latents to phrases that hold given tokens, and fit them.

    A latent that is composed without the given tokens decodes to a phrase that ignores them, most of all before them.
    So a phrase that is given in part is decoded, encoded with the given tokens in their places, and decoded again: from
    that posterior's mean, from draws of it, and from the first latent. Of these candidates the one is taken whose given
    tokens are the most likely after the tokens before them. Phrases that are wholly free are decoded once.

    Args:
        vae: `MusicVAE`.
        latents: float array (N, Z).
        forced: integer array (N, 32) of given tokens, -1 where free.
        temperature: of decoding.
        seed: int; phrase `i` depends on it and `i` only, up to float32 rounding.
        bias: float array (N, 32, 90) of nats, as of `MusicVAE.decode`. Defaults to `None`.

    Returns:
        int8 array (N, 32) of tokens, the given ones as they are.

    Reference:
        - [Rezende et al., 2014](https://arxiv.org/abs/1401.4082), appendix F: filling in what is missing by turns of
            encoding and decoding; here one turn, which stays close to what the latent had composed.
    """
    tokens = vae.decode(latents, temperature, seed, forced=forced, bias=bias)  # (N, 32)
    given = forced >= 0
    partly = np.flatnonzero(given.any(axis=1) & ~given.all(axis=1))  # (P,)
    if not len(partly):
        return tokens
    mean, stddev = vae.encode(tokens[partly])  # (P, Z)
    noise = draw(noise_streams(seed, partly, Purpose.COMPLETING), (_CANDIDATES, mean.shape[-1]))  # (P, C, Z)
    candidates = mean[:, None] + stddev[:, None] * noise  # (P, C, Z)
    candidates[:, 0] = np.asarray(latents)[partly]
    candidates[:, 1] = mean
    candidates = candidates.reshape(-1, mean.shape[-1])  # (P * C, Z)
    repeated = np.repeat(forced[partly], _CANDIDATES, axis=0)  # (P * C, 32)
    if bias is not None:
        bias = np.repeat(bias[partly], _CANDIDATES, axis=0)
    decoded = vae.decode(candidates, temperature, seed, forced=repeated, bias=bias)
    scores = (vae.log_likelihood(candidates, decoded) * (repeated >= 0)).sum(axis=1)
    best = scores.reshape(-1, _CANDIDATES).argmax(axis=1) + np.arange(len(partly)) * _CANDIDATES
    tokens[partly] = decoded[best]
    return tokens
