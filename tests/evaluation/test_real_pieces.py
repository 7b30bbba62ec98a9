import pathlib

import numpy as np
import pytest

from keras_symdiff import LatentTransform
from keras_symdiff.evaluation.real_pieces import real_pieces
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus

DATA = pathlib.Path(__file__).parents[1] / "data"
TRANSFORM = LatentTransform(np.array([0, 2]), minimum=np.full(2, -2.0), maximum=np.full(2, 2.0), latent_dim=3)


@pytest.fixture(scope="module")
def latents():
    """Two corpora with latents that tell the phrases apart."""
    corpus = read_corpus([DATA / "pop909", DATA / "lakh"])
    tokens, inverse = corpus.distinct()
    mean = np.random.default_rng(0).standard_normal((len(tokens), 3)).astype("float32")
    return LatentCorpus(corpus, mean, np.ones_like(mean), inverse, "")


def test_one_piece_without_a_rest_from_each_melody(latents):
    pieces = real_pieces(latents, TRANSFORM, most=1000)
    corpus = latents.corpus
    starts = corpus.windows()
    assert len(pieces.tokens) == len(np.unique(np.searchsorted(corpus.offsets, starts, side="right"))) < len(starts)
    windows = {corpus.tokens[start : start + 32].tobytes(): start for start in starts}
    found = np.array([windows[piece.tobytes()] for piece in pieces.tokens])
    assert len(np.unique(np.searchsorted(corpus.offsets, found, side="right"))) == len(found)
    assert (pieces.real_steps < 16).any()  # some are in 3/4
    for piece, steps, start in zip(pieces.scaled, pieces.real_steps, found, strict=True):
        rows = latents.inverse[start : start + 32]
        np.testing.assert_array_equal(steps, corpus.real_steps[start : start + 32])
        np.testing.assert_array_equal(piece, TRANSFORM.forward(latents.mean[rows]).astype("float32"))


def test_a_seed_decides_which(latents):
    first, again, other = (real_pieces(latents, TRANSFORM, most=5, seed=seed) for seed in (3, 3, 4))
    assert len(first.tokens) == 5
    np.testing.assert_array_equal(first.tokens, again.tokens)
    assert (first.tokens != other.tokens).any()


def test_music_without_a_piece_is_refused(latents):
    corpus = read_corpus(DATA / "pop909" / "001.mid")
    short = corpus.__class__(corpus.tokens[:20], corpus.rests[:20], np.array([0, 20]), ["a"], 1, [])
    with pytest.raises(ValueError, match="Received: 0 such melodies"):
        real_pieces(LatentCorpus(short, latents.mean, latents.stddev, np.arange(20), ""), TRANSFORM, most=5)
