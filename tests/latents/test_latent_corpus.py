from pathlib import Path

import numpy as np
import pytest

from keras_symdiff import MusicVAE
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import Corpus, read_corpus

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def vae():
    return MusicVAE(latent_dim=4, encoder_units=6, decoder_units=(6,))


@pytest.fixture(scope="module")
def latents(vae):
    corpus = read_corpus([DATA / "pop909" / "001.mid", DATA / "lakh" / "melody_0.mid"])
    return LatentCorpus.encode(vae, corpus)


def test_every_phrase_has_the_posterior_it_has_alone(vae, latents):
    mean, stddev = vae.encode(latents.corpus.tokens)
    assert len(latents.mean) < len(mean)
    np.testing.assert_allclose(latents.mean[latents.inverse], mean, atol=1e-6)
    np.testing.assert_allclose(latents.stddev[latents.inverse], stddev, atol=1e-6)
    assert latents.encoder == vae.fingerprint()


def test_windows_are_rows_of_consecutive_phrases_without_a_rest(latents):
    windows = latents.windows(8)
    starts = latents.corpus.windows(8)
    assert windows.shape == (len(starts), 8)
    assert len(starts) > 10
    tokens = latents.corpus.distinct()[0]
    for start, window in zip(starts, windows, strict=True):
        np.testing.assert_array_equal(tokens[window], latents.corpus.tokens[start : start + 8])
        assert not latents.corpus.rests[start : start + 8].any()


def test_a_file_holds_everything(latents, tmp_path):
    latents.corpus.skipped.append(("bad.mid", "is not a MIDI file"))
    latents.save(tmp_path / "latents.npz")
    loaded = LatentCorpus.load(tmp_path / "latents.npz")
    for name in ("mean", "stddev", "inverse"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(latents, name))
        assert getattr(loaded, name).dtype == getattr(latents, name).dtype
    for name in ("tokens", "rests", "offsets"):
        np.testing.assert_array_equal(getattr(loaded.corpus, name), getattr(latents.corpus, name))
    for name in ("names", "num_files", "skipped"):
        assert getattr(loaded.corpus, name) == getattr(latents.corpus, name)
    assert loaded.encoder == latents.encoder


def test_damaged_files_are_refused_or_whole(latents, tmp_path):
    latents.save(tmp_path / "latents.npz")
    data = (tmp_path / "latents.npz").read_bytes()
    stream = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(data)
        damaged[stream.integers(len(data))] ^= 1 << stream.integers(8)
        (tmp_path / "damaged.npz").write_bytes(damaged)
        try:
            loaded = LatentCorpus.load(tmp_path / "damaged.npz")
        except ValueError:
            refused += 1
        else:  # a date or a flag of the archive was hit
            np.testing.assert_array_equal(loaded.mean, latents.mean)
    assert refused > 200


def test_other_files_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", tokens=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("other.npz", "array.npy", "text.npz", "empty.npz"):
        with pytest.raises(ValueError, match=f"{name} does not hold encoded melodies"):
            LatentCorpus.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        LatentCorpus.load(tmp_path / "nothing.npz")


def test_joined_collections_keep_their_melodies_and_pieces():
    stream = np.random.default_rng(0)
    parts = []
    for number, melodies in ((40, [0, 40]), (70, [0, 33, 70])):
        tokens = stream.integers(2, 90, (number, 32)).astype("int8")
        names = [f"{number}.mid#{m}" for m in range(len(melodies) - 1)]
        corpus = Corpus(tokens, np.zeros(number, bool), np.array(melodies), names, 1, [])
        mean = stream.standard_normal((number, 3))
        parts.append(LatentCorpus(corpus, mean, np.ones_like(mean), stream.permutation(number), "encoder"))
    joined = LatentCorpus.concatenate(parts)
    assert joined.corpus.offsets.tolist() == [0, 40, 73, 110]
    pieces = np.concatenate([part.mean[part.windows()] for part in parts])
    np.testing.assert_array_equal(joined.mean[joined.windows()], pieces)
