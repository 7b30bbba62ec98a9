"""What a run keeps of the music that it was trained on."""

from pathlib import Path

import numpy as np
from jaxtyping import Int

from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.piece_rows import piece_rows
from keras_symdiff.presets.preset import preset_folder
from keras_symdiff.presets.reference_pieces import MOST_PIECES, write_reference_pieces
from keras_symdiff.presets.training_phrases import read_training_phrases, write_training_phrases


def write_training_music(
    folder: str | Path, latents: LatentCorpus, phrases: Int[np.ndarray, " U"], init_from: str | None = None
) -> None:
    """Writes hashes of the phrases, by which `infill` tells novelty, and pieces that `evaluate` compares with.

    Args:
        folder: the run directory.
        latents: the collection.
        phrases: rows of its distinct phrases that were trained on.
        init_from: the preset or run that was fine-tuned, whose phrases the model knows too. Defaults to `None`.
    """
    earlier = None if init_from is None else read_training_phrases(preset_folder(init_from))
    write_training_phrases(folder, latents.corpus.distinct()[0][phrases], earlier)
    write_reference_pieces(folder, latents.corpus.tokens[piece_rows(latents.corpus, MOST_PIECES)])
