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
    assert loaded.corpus.chroma is not None
    for name in ("tokens", "rests", "offsets", "chroma", "real_steps"):
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


@pytest.fixture(scope="module")
def fields(latents, tmp_path_factory):
    """The arrays of a file."""
    path = tmp_path_factory.mktemp("fields") / "latents.npz"
    latents.save(path)
    with np.load(path) as archive:
        return dict(archive)


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("inverse", lambda a: changed(a, 3, 10**6), r"`inverse` must be in \[0, \d+\). Received: values 0..1000000"),
        ("inverse", lambda a: changed(a, 3, -1), "`inverse` must be in"),
        ("inverse", lambda a: a.astype(float), "`inverse` must be integers"),
        ("inverse", lambda a: a[1:], "`inverse` must be integers of shape"),
        ("offsets", lambda a: changed(a, 1, 10**6), "`offsets` must rise from 0 to"),
        ("offsets", lambda a: changed(a, 0, 1), "`offsets` must rise from 0 to"),
        ("offsets", lambda a: a[:-1], "`offsets` must be integers of shape"),
        ("tokens", lambda a: changed(a, (0, 0), 90), "Tokens must lie in"),
        ("tokens", lambda a: a.ravel(), "Tokens must be integers of shape"),
        ("rests", lambda a: a.astype(int), "`rests` must be bool"),
        ("mean", lambda a: changed(a, (0, 0), np.nan), "Posterior means must be finite. Received: 1 of"),
        ("stddev", lambda a: changed(a, (0, 0), np.inf), "Posterior standard deviations must be finite"),
        ("mean", lambda a: a[:, 1:], "must have one shape"),
        ("mean", lambda a: a.astype(int), "must be floats"),
        ("names", lambda a: np.arange(len(a)), "names must be text"),
        ("names", lambda a: a[0], "names must be text"),
        ("num_files", lambda a: np.arange(3), "scalar"),
    ],
)
def test_arrays_that_contradict_one_another_are_refused(fields, tmp_path, name, change, message):
    np.savez(tmp_path / "latents.npz", **(fields | {name: change(fields[name])}))
    with pytest.raises(ValueError, match=f"latents.npz does not hold encoded melodies.*{message}"):
        LatentCorpus.load(tmp_path / "latents.npz")


def test_an_encoder_that_gives_nan_is_refused():
    broken = MusicVAE(latent_dim=4, encoder_units=6, decoder_units=(6,))
    kernel = broken.encoder.get_layer("mean").kernel
    kernel.assign(np.full(kernel.shape, np.nan))
    with pytest.raises(ValueError, match="must be finite"):
        LatentCorpus.encode(broken, read_corpus([DATA / "lakh" / "melody_0.mid"]))


def test_older_files_have_no_conditions(fields, tmp_path):
    older = {name: values for name, values in fields.items() if name not in ("chroma", "real_steps")}
    np.savez(tmp_path / "older.npz", **older)
    corpus = LatentCorpus.load(tmp_path / "older.npz").corpus
    assert corpus.chroma is None
    assert (corpus.real_steps == 16).all()
