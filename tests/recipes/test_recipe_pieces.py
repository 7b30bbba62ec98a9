import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_symdiff import Melody, write_midi
from keras_symdiff.constants import FIRST_ONSET
from keras_symdiff.music.condition import PARTS, Condition
from keras_symdiff.music.song import Song
from keras_symdiff.music.transpose import transpose

sys.path.insert(0, str(Path(__file__).parents[2] / "recipes"))

from pieces import KEYS, Pieces, device_data, draw_pieces
from songs import Line, write_songs

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="the recipes train on JAX")


def line_of(tmp_path, *melodies):
    """The first of some melodies as a line, the others being what accompanies it."""
    write_midi(list(melodies), tmp_path / "song.mid")
    song = Song.open(tmp_path / "song.mid")
    return Line.of_song(song, song.melodies()[0])


@pytest.fixture
def folder(tmp_path):
    lines = []
    for number in range(3):  # 8, 28, 48 phrases of quarter notes over a chord note per beat; the third is the first
        stream = np.random.default_rng(number)
        pitches = stream.integers(55, 80, 8 * (8 + 20 * number))
        pitches[16:24] = pitches[:8]
        onsets = 4 * np.arange(len(pitches))
        bass = Melody(48 + stream.integers(0, 12, len(onsets)), onsets, onsets + 4)
        lines.append((f"pop909/{number}", line_of(tmp_path, Melody(pitches, onsets, onsets + 4), bass)))
    write_songs(tmp_path / "pop909_train.npz", lines)
    return tmp_path


def test_draws_pieces_with_the_conditions_of_their_phrases_in_every_key(folder):
    import jax

    pieces = Pieces.read(folder, "songs", "train", one_key=False)
    assert pieces.lengths.tolist() == [8, 28, 48]
    # A latent that spells its phrase: what is drawn can be read.
    latents = np.stack([transpose(pieces.tokens, np.full(len(pieces.tokens), s)) for s in KEYS]).astype("float32")
    data = device_data(pieces, latents)
    ((drawn, conditions),) = draw_pieces(64, full=False)(jax.device_put(data), jax.random.key(0))
    drawn, conditions = np.asarray(drawn), np.asarray(conditions)
    present = conditions[:, :, 0] == 1
    lengths = present.sum(axis=1)
    assert lengths.min() >= 8
    assert lengths.max() == 32
    assert np.all(drawn[~present] == 0)
    assert np.all(conditions[~present] == 0)
    intervals = set()
    for piece, condition, length in zip(drawn.astype(int), conditions, lengths, strict=True):
        tokens = piece[:length]
        chroma = condition[:length, PARTS["chroma"]][:, :-1].reshape(length, 8, 12)
        assert np.all(chroma.sum(axis=2) == 1)
        expected = Condition.of(tokens, chroma).features()
        np.testing.assert_allclose(condition[:length], expected, atol=2e-3)  # kept in float16
        start = next(
            at
            for at in range(len(pieces.rows) - length + 1)
            if np.all((pieces.tokens[pieces.rows[at : at + length]] >= FIRST_ONSET) == (tokens >= FIRST_ONSET))
            and len(np.unique((tokens - pieces.tokens[pieces.rows[at : at + length]])[tokens >= FIRST_ONSET])) == 1
        )
        original = pieces.features[start : start + length, PARTS["chroma"]][:, :-1].reshape(length, 8, 12)
        semitones = (tokens - pieces.tokens[pieces.rows[start : start + length]])[tokens >= FIRST_ONSET][0]
        np.testing.assert_array_equal(chroma, np.roll(original, semitones, axis=-1))
        intervals.add(int(semitones))
    assert len(intervals) > 8


def test_one_key_moves_every_line_to_c_major_or_a_minor(tmp_path):
    scale = np.array([62, 64, 66, 67, 69, 71, 73, 74] * 8)  # D major
    onsets = 4 * np.arange(len(scale))
    write_songs(tmp_path / "folk_train.npz", [("folk/d", line_of(tmp_path, Melody(scale, onsets, onsets + 4)))])
    pieces = Pieces.read(tmp_path, "songs", "train", one_key=True)
    onsets = pieces.tokens[pieces.tokens >= FIRST_ONSET].astype(int) + 19
    assert set(onsets % 12) == {0, 2, 4, 5, 7, 9, 11}
    rows, conditions = pieces.windows()
    assert rows.shape == (1, 32)
    assert (rows >= 0).sum() == 8
    assert np.all(conditions[0, :, PARTS["chroma"]] == 0)  # no harmony is known
