import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_lmd_latents
from keras_symdiff import LatentDiffusion, LatentTransform
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


@pytest.fixture
def model(tiny_preset):
    model = LatentDiffusion.from_preset(tiny_preset)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def test_a_data_source_goes_into_fit(built, tiny_preset, model):
    source = tfds.data_source("lmd_latents/songs_sequences", split="train", data_dir=built)
    pieces = tfds_lmd_latents.Pieces(source, LatentTransform.from_preset(tiny_preset))
    batches = SeededBatches(pieces, batch_size=4, steps=2)
    assert np.isfinite(model.fit(batches, shuffle=False, verbose=0).history["loss"]).all()


def test_a_tf_data_set_goes_into_fit(built_for_tensorflow, tiny_preset, model):
    dataset = tfds.load("lmd_latents/songs_sequences", split="train", data_dir=built_for_tensorflow)
    dataset = tfds_lmd_latents.pieces_dataset(dataset, LatentTransform.from_preset(tiny_preset)).batch(3)
    assert np.isfinite(model.fit(dataset, verbose=0).history["loss"]).all()


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
