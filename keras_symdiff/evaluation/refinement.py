"""How the pieces change while they are sampled: the paper's Figure 3."""

from typing import Any

import numpy as np
from jaxtyping import Float

from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.evaluation.score import FEATURES, Reference, score
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.vae.music_vae import MusicVAE

_STATES = 11
REFINED_PIECES = 50


def refinement_curves(
    states: dict[int, Float[np.ndarray, "B L D"]],
    num_steps: int,
    transform: LatentTransform,
    vae: MusicVAE,
    reference: Reference,
) -> dict[str, Any]:
    """Scores the states of the reverse process as if they were finished pieces.

    Args:
        states: dict of steps done to states (B, 32, D); 11 of them and 50 pieces are scored.
        num_steps: steps of the whole process.
        transform: `LatentTransform`.
        vae: `MusicVAE`.
        reference: `Reference`.

    Returns:
        JSON-able dict: `progress`, shares of the process that are done, and `curves`, by label lists of figures
        (`value`, `low`, `high`).
    """
    done = sorted(states)
    done = [done[i] for i in np.unique(np.linspace(0, len(done) - 1, _STATES).astype(int))]
    figures = []
    for step in done:
        scaled = states[step][:REFINED_PIECES]  # (B, 32, D)
        tokens = vae.decode(transform.inverse(scaled).reshape(-1, vae.latent_dim))
        pieces = Pieces(scaled, tokens.reshape(*scaled.shape[:2], -1))
        figures.append(refinement_figures(score(pieces, reference)))
    curves = {label: [one[label] for one in figures] for label in figures[0]}
    return {"progress": [step / num_steps for step in done], "curves": curves}


def refinement_figures(scores: dict[str, Any]) -> dict[str, Any]:
    """Picks what Figure 3 shows out of one set's scores, a dict of labels to figures."""
    figures = {
        f"{feature.capitalize()} {name}": scores["exact"][feature][name]
        for feature in FEATURES
        for name in ("consistency", "variance")
    }
    latent = scores["latent"]
    return figures | {"Frechet distance": latent["frechet_distance"], "MMD, polynomial": latent["mmd_polynomial"]}
