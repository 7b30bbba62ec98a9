import json
import pathlib

import numpy as np
import pytest

from keras_symdiff.evaluation.generators import keep_mask
from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.evaluation.score import Reference, score
from keras_symdiff.metrics.nulls import INFILLING_NULLS, UNCONDITIONAL_NULLS
from keras_symdiff.music.corpus import read_corpus

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"


@pytest.fixture(scope="module")
def music():
    corpus = read_corpus(LAKH)
    tokens = corpus.tokens[corpus.windows()[:, None] + np.arange(32)]
    scaled = np.random.default_rng(0).standard_normal((len(tokens), 32, 3))
    return Pieces(scaled, tokens), corpus.tokens


@pytest.fixture(scope="module")
def reference(music):
    return Reference(*music, num_latent_pieces=len(music[0].tokens))


def figures(scores):
    """All figures below a dict of scores."""
    if "value" in scores:
        return [scores]
    return [figure for value in scores.values() if isinstance(value, dict) for figure in figures(value)]


def test_training_music_is_equal_to_itself(music, reference):
    scores = score(music[0], reference, keep_mask(32))
    for part in ("exact", "exact_by_piece", "paper", "seam", "region"):
        for feature in ("pitch", "duration"):
            assert scores[part][feature]["consistency"]["value"] == scores[part][feature]["variance"]["value"] == 1
    assert scores["latent"]["frechet_distance"]["value"] == pytest.approx(0, abs=1e-9)
    assert scores["statistics"]["training_phrase_rate"]["value"] == 1
    assert scores["num_pieces"] == len(music[0].tokens)


def test_other_tunes_do_not_fit_and_the_seam_shows_it_most(music, reference):
    tokens = INFILLING_NULLS["another tune's bars"](music[0].tokens, keep_mask(32))
    scores = score(Pieces(None, tokens), reference, keep_mask(32))
    whole, seam = (scores[part]["pitch"]["consistency"]["value"] for part in ("exact", "seam"))
    assert seam < whole - 0.1 < 0.9
    assert "latent" not in scores


def test_intervals_lie_around_what_is_far_from_the_training_music(music, reference):
    tokens = UNCONDITIONAL_NULLS["phrases of other tunes"](music[0].tokens)
    shifted = music[0].scaled + 2
    scores = score(Pieces(shifted, tokens), reference)
    for figure in (scores["exact"]["pitch"]["consistency"], *scores["latent"].values()):
        assert figure["low"] < figure["value"] < figure["high"]
    assert scores["latent"]["frechet_distance"]["value"] == pytest.approx(12, rel=0.1)  # 3 dimensions, 2 apart in each


def test_latent_distances_are_of_as_many_pieces_in_every_set(music):
    """Fewer pieces give larger distances."""
    reference = Reference(*music, num_latent_pieces=5)
    few, many = (score(Pieces(music[0].scaled[:n], music[0].tokens[:n]), reference)["latent"] for n in (5, 8))
    assert few == many


def test_silence_has_no_figures_and_is_counted(music, reference):
    tokens = UNCONDITIONAL_NULLS["silence"](music[0].tokens)
    scores = score(Pieces(None, tokens), reference)
    json.dumps(scores, allow_nan=False)
    assert {figure["value"] for figure in figures(scores["exact"])} == {None}
    assert scores["statistics"]["empty_frames"]["value"] == 1
    assert scores["statistics"]["note_density"]["value"] == 0
