import os
import subprocess
import sys
import types

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_lmd_latents
from keras_symdiff import LatentDiffusion, LatentTransform
from keras_symdiff.music.condition import Condition
from keras_symdiff.music.corpus import chroma_shares
from keras_symdiff.training.seeded_batches import SeededBatches


def build(songs, encoder, data_dir, file_format):
    for layout in ("sequences", "melodies"):
        config = tfds_lmd_latents.LmdLatentsConfig(
            name=f"songs_{layout}", layout=layout, source=str(songs), encoder=str(encoder), num_workers=0
        )
        tfds.builder("lmd_latents", config=config, data_dir=data_dir, file_format=file_format).download_and_prepare()
    return data_dir


@pytest.fixture(scope="module")
def built(shared_songs, tiny_preset, tmp_path_factory):
    """Both layouts for `tfds.data_source`."""
    return build(shared_songs, tiny_preset, tmp_path_factory.mktemp("array_record"), "array_record")


@pytest.fixture(scope="module")
def built_for_tensorflow(shared_songs, tiny_preset, tmp_path_factory):
    """Both layouts for `tfds.load`."""
    pytest.importorskip("tensorflow", reason="tf.data is TensorFlow's")
    return build(shared_songs, tiny_preset, tmp_path_factory.mktemp("tfrecord"), "tfrecord")


@pytest.fixture(scope="module")
def transform(built):
    train = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    return LatentTransform.fit_batches(tfds_lmd_latents.posteriors(train), threshold=99)


def test_a_transform_is_fitted_on_the_train_split_in_one_pass(built, transform):
    train = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    mean = np.concatenate([example["mean"] for example in train])
    stddev = np.concatenate([example["stddev"] for example in train])
    whole = LatentTransform.fit(mean, stddev, threshold=99)
    np.testing.assert_array_equal(transform.minimum, whole.minimum)
    np.testing.assert_array_equal(transform.maximum, whole.maximum)


def test_pieces_are_the_scaled_sequences(built, transform):
    train = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(train, transform)
    assert len(pieces) == 9
    expected = transform.forward(np.stack([train[3]["mean"], train[0]["mean"]])).astype("float32")
    np.testing.assert_array_equal(pieces[np.array([3, 0])], expected)


def in_order(pieces):
    return pieces[np.lexsort(pieces.reshape(len(pieces), -1).T)]


def test_windows_of_melodies_are_the_sequences(built, transform):
    found = []
    for layout in ("sequences", "melodies"):
        source = tfds.data_source(f"lmd_latents/songs_{layout}", split="train", data_dir=built)
        pieces = tfds_lmd_latents.Pieces(source, transform)
        found.append(in_order(pieces[np.arange(len(pieces))]))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("layout", ["sequences", "melodies"])
def test_tensorflow_reads_the_same_pieces(built, built_for_tensorflow, transform, layout):
    dataset = tfds.load(f"lmd_latents/songs_{layout}", split="train", data_dir=built_for_tensorflow)
    dataset = tfds_lmd_latents.pieces_dataset(dataset, transform)
    assert dataset.element_spec.shape == (32, 4)
    source = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(source, transform)
    expected = in_order(pieces[np.arange(len(pieces))])
    np.testing.assert_allclose(in_order(np.stack(list(dataset.as_numpy_iterator()))), expected, atol=1e-5)


@pytest.mark.parametrize("layout", ["sequences", "melodies"])
def test_conditions_are_those_of_the_examples(built, built_for_tensorflow, transform, layout):
    source = tfds.data_source(f"lmd_latents/songs_{layout}", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(source, transform, conditions=True)
    latents, conditions = pieces[np.arange(len(pieces))]
    np.testing.assert_array_equal(latents, tfds_lmd_latents.Pieces(source, transform)[np.arange(len(pieces))])
    ((one, condition),) = pieces[5]
    np.testing.assert_array_equal(one, latents[5])
    np.testing.assert_array_equal(condition, conditions[5])
    (example,) = [example for example in source if example["file"] == b"2.mid"][:1]
    expected = Condition.of(example["tokens"][:32], chroma_shares(example["chroma"][:32]), example["real_steps"][:32])
    (found,) = np.flatnonzero((latents == transform.forward(example["mean"][:32]).astype("float32")).all(axis=(1, 2)))
    np.testing.assert_array_equal(conditions[found], expected.features())

    dataset = tfds.load(f"lmd_latents/songs_{layout}", split="train", data_dir=built_for_tensorflow)
    dataset = tfds_lmd_latents.pieces_dataset(dataset, transform, conditions=True)
    rows = [np.concatenate(row, axis=1) for (row,) in dataset.as_numpy_iterator()]
    np.testing.assert_allclose(
        in_order(np.stack(rows)), in_order(np.concatenate([latents, conditions], axis=2)), atol=1e-5
    )


def test_data_of_an_earlier_version_are_refused(built, transform):
    source = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    info = types.SimpleNamespace(features={"mean": None, "tokens": None}, full_name="lmd_latents/songs_sequences/1.1.0")
    old = types.SimpleNamespace(dataset_info=info, data=source)
    with pytest.raises(
        ValueError, match=r"of version 2\.0\.0 or later.* Received: lmd_latents/songs_sequences/1\.1\.0"
    ):
        tfds_lmd_latents.Pieces(old, transform)


def loaders(pieces, num_workers):
    grain = pytest.importorskip("grain")
    torch = pytest.importorskip("torch")
    yield SeededBatches(pieces, batch_size=3, steps=3)
    yield grain.MapDataset.source(pieces).seed(0).shuffle().batch(3)
    yield torch.utils.data.DataLoader(pieces, batch_size=3, shuffle=True, num_workers=num_workers)


@pytest.mark.parametrize("conditions", [False, True])
def test_every_reader_goes_into_fit(built, built_for_tensorflow, tiny_preset, hearing_preset, conditions):
    preset = hearing_preset if conditions else tiny_preset
    model, transform = LatentDiffusion.from_preset(preset), LatentTransform.from_preset(preset)
    model.compile(keras.optimizers.Adam(1e-3))
    source = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(source, transform, conditions)
    dataset = tfds.load("lmd_latents/songs_sequences", split="train", data_dir=built_for_tensorflow)
    dataset = tfds_lmd_latents.pieces_dataset(dataset, transform, conditions).batch(3)
    for batches in (*loaders(pieces, num_workers=0), dataset):
        if conditions and keras.backend.backend() == "tensorflow" and type(batches).__name__ == "DataLoader":
            continue  # PyTorch makes lists of pairs, which Keras cannot give to TensorFlow
        assert np.isfinite(model.fit(batches, verbose=0).history["loss"]).all()


def test_grain_reads_each_piece_once_over_processes_and_goes_on(built, transform):
    grain = pytest.importorskip("grain")
    source = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    shuffled = grain.MapDataset.source(tfds_lmd_latents.Pieces(source, transform)).seed(0).shuffle()
    shards = [list(shuffled[process::2]) for process in range(2)]
    assert [len(shard) for shard in shards] == [5, 4]
    pieces = tfds_lmd_latents.Pieces(source, transform)
    everything = in_order(pieces[np.arange(len(pieces))])
    np.testing.assert_array_equal(in_order(np.stack([piece for (piece,) in shards[0] + shards[1]])), everything)
    whole = iter(shuffled.batch(2).to_iter_dataset())
    next(whole)
    state = whole.get_state()
    rest = [batch.copy() for (batch,) in whole]
    again = iter(shuffled.batch(2).to_iter_dataset())
    again.set_state(state)
    for (batch,), expected in zip(again, rest, strict=True):
        np.testing.assert_array_equal(batch, expected)


def test_torch_workers_read_the_same_pieces(built, transform):
    torch = pytest.importorskip("torch")
    source = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(source, transform)
    loader = torch.utils.data.DataLoader(pieces, batch_size=2, num_workers=2, multiprocessing_context="spawn")
    np.testing.assert_array_equal(np.concatenate([batch for (batch,) in loader]), pieces[np.arange(len(pieces))])


WITHOUT_TENSORFLOW = """
import sys
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec  # hides TensorFlow, as if it were not installed
PathFinder.find_spec = lambda name, *more: None if name.split(".")[0] == "tensorflow" else find_spec(name, *more)

import numpy as np
import tensorflow_datasets as tfds

import tfds_lmd_latents
from keras_symdiff import LatentTransform

train = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=sys.argv[1])
transform = LatentTransform.fit_batches(tfds_lmd_latents.posteriors(train), threshold=99)
pieces = tfds_lmd_latents.Pieces(train, transform)
np.save(sys.argv[2], pieces[np.arange(len(pieces))])
assert "tensorflow" not in sys.modules
"""


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="that backend is TensorFlow")
def test_a_data_source_needs_no_tensorflow(built, transform, tmp_path):
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(built), str(tmp_path / "pieces.npy")]
    subprocess.run(command, check=True, env=os.environ)
    train = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(train, transform)
    np.testing.assert_array_equal(np.load(tmp_path / "pieces.npy"), pieces[np.arange(len(pieces))])
