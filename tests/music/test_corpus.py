import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from keras_symdiff import Melody, read_melodies, write_midi
from keras_symdiff.music.accompaniment import beneath_phrases
from keras_symdiff.music.corpus import Corpus, read_corpus
from keras_symdiff.music.song import Song

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


def test_a_corpus_knows_what_sounds_beneath_each_phrase():
    file = DATA / "pop909" / "001.mid"
    corpus = read_corpus([file, DATA / "lakh" / "melody_0.mid"])
    song = Song.open(file)
    first = read_melodies(song)[0]
    number = first.num_phrases
    expected = beneath_phrases(song, first.track, first.phrase_steps)
    np.testing.assert_allclose(corpus.harmony(np.arange(number)), expected, atol=0.5 / 254 + 1e-6)
    alone = corpus.harmony(np.arange(corpus.offsets[-2], corpus.offsets[-1]))
    assert np.isnan(alone).all()
    assert corpus.real_steps.tolist() == [[16, 16]] * len(corpus.tokens)


def test_conditions_stay_with_their_phrases_when_collections_are_joined():
    bare, known = corpus_of([2, 3]), corpus_of([4])
    chroma = np.arange(96, dtype=np.uint8).reshape(1, 8, 12)
    known = dataclasses.replace(known, chroma=chroma, real_steps=np.array([[16, 8]], np.uint8))
    joined = Corpus.concatenate([bare, known])
    assert np.isnan(joined.harmony([0, 1])).all()
    np.testing.assert_allclose(joined.harmony(2), chroma[0] / 254, atol=1e-6)
    assert joined.real_steps.tolist() == [[16, 16], [16, 16], [16, 8]]
    assert Corpus.concatenate([bare, bare]).chroma is None


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("chroma", np.zeros((1, 8, 12), np.uint8)),
        ("chroma", np.zeros((2, 8, 12))),
        ("real_steps", np.full((2, 2), 17, np.uint8)),
        ("real_steps", np.zeros((2, 3), np.uint8)),
    ],
)
def test_conditions_that_do_not_fit_are_refused(field, values):
    with pytest.raises(ValueError, match="Received"):
        dataclasses.replace(corpus_of([2, 3]), **{field: values})
