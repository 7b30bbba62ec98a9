import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_symdiff.metrics.intervals import resampled_counts
from keras_symdiff.metrics.note_agreement import note_agreement

TOKENS = arrays(np.int8, (3, 16), elements=st.sampled_from([0, 0, 0, 1, 41, 43, 45]))


def test_figures_by_hand():
    #           c   held     d   off   e
    original = [41, 0, 0, 0, 43, 0, 1, 0, 45, 0, 0, 0]
    infilled = [41, 0, 0, 0, 44, 0, 0, 0, 1, 0, 45, 0]
    figures = note_agreement(np.array([infilled]), np.array([original]))
    assert figures.position_f1 == pytest.approx(2 * 2 / (3 + 3))  # steps 0 and 4 of three each
    assert figures.pitch_accuracy == 0.5
    assert figures.rhythm_accuracy == 0.5  # 4 and 4; 4 and 2


@settings(max_examples=50, deadline=None)
@given(TOKENS)
def test_a_stretch_agrees_with_itself(tokens):
    for figure in note_agreement(tokens, tokens):
        assert figure == 1 or (np.isnan(figure) and not (tokens >= 2).any())


@settings(max_examples=50, deadline=None)
@given(TOKENS, TOKENS)
def test_position_is_symmetric_and_in_range(a, b):
    for forward, backward in zip(note_agreement(a, b), note_agreement(b, a), strict=True):
        assert forward == pytest.approx(backward, nan_ok=True)
        assert np.isnan(forward) or 0 <= forward <= 1


def test_counting_every_piece_once_gives_the_figures_themselves():
    random = np.random.default_rng(0)
    a, b = random.choice([0, 0, 1, 41, 43], size=(2, 50, 32))
    weights = np.concatenate([np.ones((1, 50)), resampled_counts(50, 20)])
    for figure, resampled in zip(note_agreement(a, b), note_agreement(a, b, weights), strict=True):
        assert resampled.shape == (21,)
        assert resampled[0] == pytest.approx(figure)
        assert resampled[1:].std() > 0


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(3, 8\)"):
        note_agreement(np.zeros((3, 8), int), np.zeros((3, 9), int))
