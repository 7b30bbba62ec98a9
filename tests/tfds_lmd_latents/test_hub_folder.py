import json

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_lmd_latents
from tfds_lmd_latents.hub_folder import CROISSANT_FILE, write_hub_folder

datasets = pytest.importorskip("datasets")
mlcroissant = pytest.importorskip("mlcroissant")
if keras.backend.backend() != "jax":
    pytest.skip("the backend does not matter", allow_module_level=True)


@pytest.fixture(scope="module", params=["sequences", "melodies"])
def builder(request, shared_songs, tiny_preset, tmp_path_factory):
    config = tfds_lmd_latents.LmdLatentsConfig(
        name=f"songs_{request.param}", layout=request.param, source=str(shared_songs), encoder=str(tiny_preset),
        num_workers=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp(request.param)
    builder = tfds.builder("lmd_latents", config=config, data_dir=folder, file_format="array_record")
    builder.download_and_prepare()
    return builder


def test_datasets_loads_the_folder(builder, tmp_path):
    folder = write_hub_folder(builder)
    for split, examples in {split: builder.as_data_source(split) for split in ("train", "validation")}.items():
        loaded = datasets.load_dataset(str(folder), split=split, cache_dir=str(tmp_path)).with_format("numpy")
        assert len(loaded) == len(examples)
        for row, example in zip(loaded, examples, strict=True):
            assert set(row) == set(example)
            for name in ("mean", "stddev", "tokens", "chroma", "density", "register", "real_steps"):
                found = np.stack([np.stack([*part]) if part.dtype == object else part for part in row[name]])
                np.testing.assert_array_equal(found, example[name])
            assert row["key"] == builder.info.features["key"].int2str(example["key"])
            for name in ("metre", "file", "file_hash"):
                assert row[name] == example[name].decode()


def test_croissant_describes_and_reads_it(builder):
    folder = write_hub_folder(builder)
    described = mlcroissant.Dataset(jsonld=folder / CROISSANT_FILE)
    assert not described.metadata.ctx.issues.errors
    assert not described.metadata.ctx.issues.warnings
    assert described.metadata.version == "2.0.0"
    examples = builder.as_data_source("train")
    records = list(described.records("train"))
    assert len(records) == len(examples)
    for record, example in zip(records, examples, strict=True):
        assert record["train/file"].decode() == example["file"].decode()
        assert float(record["train/qpm"]) == example["qpm"]
        np.testing.assert_array_equal(np.array([*map(np.asarray, record["train/mean"])], "float32"), example["mean"])


def test_the_card_is_the_hubs(builder):
    hub = pytest.importorskip("huggingface_hub")
    folder = write_hub_folder(builder)
    card = hub.DatasetCard.load(folder / "README.md")
    assert card.data.license == "other"
    assert card.data.size_categories == ["n<1K"]
    assert [files["split"] for files in card.data.configs[0]["data_files"]] == ["train", "validation"]
    assert card.text.strip().startswith("# lmd_latents/songs_")
    assert (folder / "posterior_stddev.png").exists()
    assert json.loads((folder / CROISSANT_FILE).read_text())["@type"] == "sc:Dataset"
