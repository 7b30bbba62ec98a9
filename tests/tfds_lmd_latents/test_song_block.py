import pathlib

import numpy as np
import pytest

from keras_symdiff import Melody, write_midi
from keras_symdiff.music.condition import Condition
from keras_symdiff.music.corpus import chroma_shares, read_corpus
from keras_symdiff.music.key import estimate_key, pitch_class_weights
from tfds_lmd_latents.midi_files import find_midi_files
from tfds_lmd_latents.song_block import EncodedBlock, SongBlock

DATA = pathlib.Path(__file__).parents[1] / "data"


class SumEncoder:
    """Stands for a MusicVAE: the posterior of a phrase can be checked from its tokens."""

    def encode(self, tokens):
        mean = np.stack([tokens.sum(axis=1), tokens[:, 0]], axis=1).astype(np.float32)
        return mean, mean + 0.5


@pytest.fixture(scope="module")
def real():
    files, _ = find_midi_files(DATA)
    return SongBlock.parse(files)


def test_a_block_holds_what_the_corpus_of_its_files_holds(real):
    corpus = read_corpus(DATA)
    for name in ("tokens", "rests", "offsets", "chroma", "real_steps"):
        np.testing.assert_array_equal(getattr(real.corpus, name), getattr(corpus, name))
    assert real.corpus.num_files == corpus.num_files
    assert len(real.corpus.skipped) == len(corpus.skipped)


def test_the_tempo_is_that_of_the_phrase(tmp_path):
    melody = Melody.from_phrases(np.full((4, 32), 41), tempos=((0, 100.0), (70, 90.0)))
    write_midi(melody, tmp_path / "a.mid")
    songs = SongBlock.parse(find_midi_files(tmp_path)[0])
    np.testing.assert_allclose(songs.qpm, [100, 100, 100, 90], rtol=1e-5)


def test_keeping_melodies_keeps_all_that_belongs_to_them(real):
    kept = real.keep([0, 3])
    assert kept.corpus.names == [real.corpus.names[0], real.corpus.names[3]]
    assert kept.digests() == [real.digests()[0], real.digests()[3]]
    assert kept.duplicates == len(real.corpus.names) - 2
    start, end = real.corpus.offsets[3:5]
    np.testing.assert_array_equal(kept.qpm[-(end - start) :], real.qpm[start:end])
    assert real.keep([]).corpus.offsets.tolist() == [0]


def test_sequences_are_all_windows_without_a_rest_phrase_the_last_included(real):
    block = EncodedBlock.encode(SumEncoder(), real)
    examples = dict(block.examples("sequences"))
    starts = real.corpus.windows()
    assert len(examples) == len(starts) > 40
    for start, example in zip(starts, examples.values(), strict=True):
        tokens = real.corpus.tokens[start : start + 32]
        np.testing.assert_array_equal(example["tokens"], tokens)
        np.testing.assert_array_equal(example["mean"][:, 0], tokens.sum(axis=1))
        np.testing.assert_array_equal(example["stddev"], example["mean"] + 0.5)
        assert tokens.any(axis=1).all()
    ends = set((starts + 32).tolist())
    assert any(int(end) in ends for end in real.corpus.offsets[1:])


def test_melodies_are_whole_and_have_their_provenance(real):
    block = EncodedBlock.encode(SumEncoder(), real)
    examples = list(block.examples("melodies"))
    assert len({key for key, _ in examples}) == len(examples) == len(real.corpus.names)
    np.testing.assert_array_equal(np.concatenate([example["tokens"] for _, example in examples]), real.corpus.tokens)
    assert [f"{e['file']}#{e['track']}" for _, e in examples] == real.corpus.names


@pytest.mark.parametrize("layout", ["sequences", "melodies"])
def test_examples_hold_what_a_network_is_told(real, layout):
    block = EncodedBlock.encode(SumEncoder(), real)
    heard = 0
    for _, example in block.examples(layout):
        chroma = chroma_shares(example["chroma"])
        condition = Condition.of(example["tokens"], chroma, example["real_steps"])
        np.testing.assert_array_equal(example["density"], condition.density)
        np.testing.assert_array_equal(example["register"], condition.register)
        heard += np.isfinite(chroma).all()
        if layout == "melodies":
            key, _ = estimate_key(pitch_class_weights(example["tokens"], chroma))
            assert example["key"] == str(key)
    assert heard > 20


def test_metre_and_real_steps_are_those_of_the_phrase(tmp_path):
    tokens = np.zeros((34, 32), np.int8)
    tokens[:, ::4] = 41
    tokens[:16, 12:16] = tokens[:16, 28:] = 0  # beyond a bar of 3/4
    melody = Melody.from_phrases(tokens, time_signatures=((0, 3, 4), (12 * 32, 4, 4)))
    write_midi(melody, tmp_path / "a.mid")
    songs = SongBlock.parse(find_midi_files(tmp_path)[0])
    assert songs.metres.tolist() == ["3/4"] * 16 + ["4/4"] * 18
    (_, first), (_, second), (_, third) = EncodedBlock.encode(SumEncoder(), songs).examples("sequences")
    assert (first["metre"], second["metre"], third["metre"]) == ("3/4", "3/4", "3/4")
    np.testing.assert_array_equal(first["real_steps"], np.repeat([12, 16], [16, 16])[:, None].repeat(2, axis=1))
    np.testing.assert_allclose(first["density"], 4)


def test_windows_name_the_bar_where_they_start(tmp_path):
    tokens = np.full((33, 32), 41)
    write_midi(Melody.from_phrases(tokens, first_bar=3), tmp_path / "a.mid")
    songs = SongBlock.parse(find_midi_files(tmp_path)[0])
    examples = [example for _, example in EncodedBlock.encode(SumEncoder(), songs).examples("sequences")]
    assert [example["first_bar"] for example in examples] == [3, 5]


def test_a_file_holds_everything(real, tmp_path):
    block = EncodedBlock.encode(SumEncoder(), real.keep([1, 2]))
    block.save(tmp_path / "0.npz")
    loaded = EncodedBlock.load(tmp_path / "0.npz")
    assert loaded.songs.counts() == block.songs.counts()
    assert loaded.songs.corpus.skipped == real.corpus.skipped
    for (key, example), (other_key, other) in zip(block.examples("melodies"), loaded.examples("melodies"), strict=True):
        assert key == other_key
        np.testing.assert_equal(example, other)
    data = (tmp_path / "0.npz").read_bytes()
    (tmp_path / "0.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"0\.npz is damaged .*; delete it and build again"):
        EncodedBlock.load(tmp_path / "0.npz")


def test_a_block_without_a_usable_file_is_empty(tmp_path):
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    songs = SongBlock.parse(find_midi_files(tmp_path)[0])
    assert songs.counts() == dict.fromkeys(songs.counts(), 0)
    assert songs.corpus.skipped == [("bad.mid", "ends within its header")]
    EncodedBlock.encode(SumEncoder(), songs).save(tmp_path / "0.npz")
    assert list(EncodedBlock.load(tmp_path / "0.npz").examples("sequences")) == []
