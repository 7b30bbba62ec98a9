import pathlib

import numpy as np
import pytest

from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.split_windows import split_windows
from keras_symdiff.music.condition import PARTS, Condition
from keras_symdiff.music.corpus import Corpus, read_corpus
from keras_symdiff.music.form import FormTable
from keras_symdiff.training.told_songs import ToldSongs

DATA = pathlib.Path(__file__).parents[1] / "data"


def encoded(corpus):
    """Stands for a MusicVAE: the latent of a distinct phrase is its row."""
    tokens, inverse = corpus.distinct()
    latents = np.arange(len(tokens), dtype=np.float32)[:, None]
    return LatentCorpus(corpus, latents, latents, inverse, "none")


@pytest.fixture(scope="module")
def latents():
    return encoded(read_corpus([DATA / "pop909", DATA / "lakh"]))


def test_runs_are_all_phrases_between_rests_with_their_conditions(latents):
    songs, corpus = ToldSongs.of(latents), latents.corpus
    assert len(songs) > 20
    assert songs.rows.shape[1] == 64
    heard = 0
    for rows, conditions, melody in zip(songs.rows, songs.conditions, songs.melodies, strict=True):
        length = int((rows >= 0).sum())
        assert length >= 8
        assert (rows[length:] == -1).all()
        assert not conditions[length:].any()
        of_melody = latents.inverse[corpus.offsets[melody] : corpus.offsets[melody + 1]]
        windows = np.lib.stride_tricks.sliding_window_view(of_melody, length)
        starts = corpus.offsets[melody] + np.flatnonzero((windows == rows[:length]).all(axis=1))
        told = slice(0, PARTS["repeats"].start)
        found = []
        for start in starts.tolist():
            assert not corpus.rests[start : start + length].any()
            at = np.arange(start, start + min(length, 32))
            condition = Condition.of(corpus.tokens[at], corpus.harmony(at), np.asarray(corpus.real_steps)[at])
            found.append(np.array_equal(conditions[: len(at), told], condition.features()[:, told].astype("float16")))
        assert any(found)
        heard += conditions[:, PARTS["chroma"]].any()
    assert heard > 20


def test_validation_is_of_other_files_as_without_conditions(latents):
    train, held_out = ToldSongs.of(latents).split(latents.corpus.names)
    files = [{latents.corpus.names[m].split("#")[0] for m in part.melodies} for part in (train, held_out)]
    assert files[0]
    assert files[1]
    assert not files[0] & files[1]
    rows, _ = held_out.pieces()
    _, windows = split_windows(latents)
    assert set(rows[(rows >= 0).all(axis=1)].reshape(-1).tolist()) <= set(windows.reshape(-1).tolist())


def test_pieces_hold_each_phrase_once_and_know_what_they_repeat(tmp_path):
    tokens = np.zeros((75, 32), np.int8)
    tokens[:, 0] = 40 + np.arange(75) % 5
    corpus = Corpus(tokens, np.arange(75) == 70, np.array([0, 75]), ["a"], 1, [])  # 70 phrases, a rest, 4 phrases
    songs = ToldSongs.of(encoded(corpus))
    assert (songs.rows >= 0).sum(axis=1).tolist() == [64]  # the 6 phrases that are left are too few
    rows, conditions = songs.pieces()
    np.testing.assert_array_equal(rows.reshape(-1), np.arange(64) % 5)
    np.testing.assert_array_equal(conditions[1], Condition.of(tokens[32:64]).features().astype("float16"))
    songs.save_forms(tmp_path, encoded(corpus))
    np.testing.assert_array_equal(FormTable.load(tmp_path / "forms.npz").repeats, np.tile(np.arange(32) % 5, (2, 1)))


def test_short_songs_have_no_forms(tmp_path):
    corpus = Corpus.of_pieces(np.full((2, 20, 32), 41, np.int8))
    songs = ToldSongs.of(encoded(corpus))
    rows, conditions = songs.pieces()
    assert rows.shape == (2, 32)
    np.testing.assert_array_equal(conditions[:, :, 0], rows >= 0)
    songs.save_forms(tmp_path, encoded(corpus))
    assert not list(tmp_path.iterdir())
