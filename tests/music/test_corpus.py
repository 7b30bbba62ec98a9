import pathlib
import shutil

import numpy as np
import pytest

from keras_symdiff import Melody, read_melodies, write_midi
from keras_symdiff.music.corpus import Corpus, read_corpus

DATA = pathlib.Path(__file__).parents[1] / "data"


def corpus_of(*melodies):
    """A corpus whose phrases are numbers, None for a rest: one list for each melody."""
    flat = [phrase for melody in melodies for phrase in melody]
    tokens = np.zeros((len(flat), 32), np.int8)
    tokens[:, 0] = [0 if phrase is None else phrase for phrase in flat]
    offsets = np.cumsum([0, *map(len, melodies)])
    return Corpus(tokens, tokens[:, 0] == 0, offsets, [""] * len(melodies), len(melodies), [])


def test_windows_stay_inside_one_melody_and_avoid_rests():
    corpus = corpus_of([2, 3, 4, 5], [6, 7, None, 8, 9, 10, 11], [12], [None], [13, 14, 15])
    assert corpus.windows(length=3).tolist() == [0, 1, 7, 8, 13]
    assert corpus.windows(length=4).tolist() == [0, 7]
    assert corpus.windows(length=1).tolist() == [i for i in range(16) if i not in (6, 12)]
    assert corpus.windows(length=17).tolist() == []
    with pytest.raises(ValueError, match="length=0"):
        corpus.windows(length=0)


def test_a_run_of_just_32_phrases_is_one_window():
    # the released code's loop loses the last window of every melody
    assert corpus_of(range(2, 34)).windows().tolist() == [0]
    assert corpus_of(range(2, 35)).windows().tolist() == [0, 1]


def test_distinct_phrases_and_where_they_are():
    corpus = corpus_of([5, 2, 5], [None, 2])
    tokens, inverse = corpus.distinct()
    assert sorted(tokens[:, 0]) == [0, 2, 5]
    np.testing.assert_array_equal(tokens[inverse], corpus.tokens)


def test_a_folder_is_read_in_order_and_bad_files_are_named(tmp_path):
    (tmp_path / "deep").mkdir()
    shutil.copy(DATA / "pop909" / "764.mid", tmp_path / "deep" / "z.MIDI")
    write_midi(Melody([60], [0], [4], name="b"), tmp_path / "b.mid")
    (tmp_path / "a.mid").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_bytes(b"ignored")
    seen = []
    corpus = read_corpus(tmp_path, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert corpus.num_files == 2
    assert corpus.skipped == [
        (str(tmp_path / "a.mid"), "is not a MIDI file (it does not start with MThd)"),
    ]
    song = read_melodies(DATA / "pop909" / "764.mid")
    assert corpus.names == [f"{tmp_path / 'b.mid'}#b", *(f"{tmp_path / 'deep' / 'z.MIDI'}#{m.name}" for m in song)]
    for melody, start, end in zip(song, corpus.offsets[1:-1], corpus.offsets[2:], strict=True):
        tokens, rests = melody.phrases()
        np.testing.assert_array_equal(corpus.tokens[start:end], tokens)
        np.testing.assert_array_equal(corpus.rests[start:end], rests)
    assert corpus.tokens.dtype == np.int8
    assert corpus.counts()["files"] == 2
    assert corpus.counts()["skipped"] == 1


def test_nothing_usable_is_an_error_that_says_why(tmp_path):
    with pytest.raises(ValueError, match=r"no \*.mid"):
        read_corpus(tmp_path)
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.mid: is empty"):
        read_corpus([tmp_path])
    with pytest.raises(FileNotFoundError, match="none"):
        read_corpus(tmp_path / "none")
