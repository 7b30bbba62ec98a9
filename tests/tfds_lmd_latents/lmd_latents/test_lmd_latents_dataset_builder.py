import dataclasses
import functools
import hashlib
import http.server
import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tarfile
import threading

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="TFDS writes and checks with TensorFlow")

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download.checksums import UrlInfo
from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

import tfds_lmd_latents
from keras_symdiff import Melody, MusicVAE, read_melodies, write_midi
from tfds_lmd_latents.lmd_latents import lmd_latents_dataset_builder as builder_module

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "musicvae_tiny"


@pytest.fixture(scope="module")
def encoder(tiny_preset):
    """The shared tiny encoder, also for unittest's classes, which take no fixtures."""
    LmdLatentsTest.BUILDER_CONFIG_NAMES_TO_TEST = [
        dataclasses.replace(config, name=f"tiny_{config.name}", encoder=str(tiny_preset), latent_dim=None)
        for config in tfds_lmd_latents.Builder.BUILDER_CONFIGS
    ]
    return str(tiny_preset)


@pytest.mark.usefixtures("encoder")
class LmdLatentsTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = tfds_lmd_latents.Builder
    SKIP_CHECKSUMS = True  # none is known of POP909's archive; Lakh's has a test of its own
    SPLITS = {"train": 2, "validation": 1}  # 64-bar excerpts: a window each, and a melody each


def build(songs, encoder, data_dir, layout="sequences", file_format=None, download_config=None, **config):
    config = tfds_lmd_latents.LmdLatentsConfig(
        name=f"songs_{layout}", layout=layout, source=str(songs), encoder=encoder, num_workers=0, **config
    )
    builder = tfds.builder("lmd_latents", config=config, data_dir=data_dir, file_format=file_format)
    builder.download_and_prepare(download_config=download_config)
    return builder


def rows(examples):
    """Examples by their content, whatever their order."""
    key = lambda example: (example["file_hash"], example["first_bar"])  # noqa: E731
    return sorted(examples, key=key)


def test_both_layouts_and_formats_hold_the_same_music(songs, encoder, tmp_path):
    sequences = build(songs, encoder, tmp_path)
    melodies = build(songs, encoder, tmp_path, "melodies", "array_record")
    windows = rows(tfds.as_numpy(tfds.load("lmd_latents/songs_sequences", split="train", data_dir=tmp_path)))
    whole = rows(tfds.data_source("lmd_latents/songs_melodies", split="train", data_dir=tmp_path))
    assert len(whole) == 4
    assert len(windows) == 2 + 3 + 4  # songs of 33, 34 and 35 phrases; the fourth rests in its middle
    for window in windows:
        (melody,) = [melody for melody in whole if melody["file_hash"] == window["file_hash"]]
        start = (window["first_bar"] - melody["first_bar"]) // 2
        for name in ("mean", "stddev", "tokens"):
            assert window[name].dtype == melody[name].dtype
            np.testing.assert_array_equal(window[name], melody[name][start : start + 32])
    assert {window["file"] for window in windows} == {b"0.mid", b"1.mid", b"2.mid"}
    file = songs / windows[0]["file"].decode()
    assert windows[0]["file_hash"].decode() == hashlib.sha256(file.read_bytes()).hexdigest()
    assert sequences.info.metadata["source_hash"] == melodies.info.metadata["source_hash"]


def test_a_build_says_what_it_holds_and_what_it_left_out(songs, encoder, tmp_path):
    builder = build(songs, encoder, tmp_path)
    metadata = json.loads((builder.data_path / "metadata.json").read_text())
    assert metadata["encoder_fingerprint"] == MusicVAE.from_preset(encoder).fingerprint()
    assert metadata["counts"]["train"]["files"] == 4
    assert metadata["counts"]["train"]["pieces"] == builder.info.splits["train"].num_examples == 9
    assert metadata["counts"]["dropped"] == {"is a copy of another file": 1, "ends within its header": 1}
    dropped = (builder.data_path / "dropped_files.tsv").read_text()
    assert "9.mid\tis a copy of another file (0.mid)\n" in dropped
    assert "bad.mid\tends within its header\n" in dropped
    card = (builder.data_path / "README.md").read_text()
    for said in (encoder, metadata["encoder_fingerprint"], metadata["source_hash"], "| train | 9 | 4 |", "ends within"):
        assert said in card
    assert "| licence of the music | that of your files |" in card
    stddev = np.concatenate([example["stddev"] for example in tfds.as_numpy(builder.as_dataset("train"))])
    kept = np.sum(stddev.mean(axis=0) < 1)
    assert f"over 288 phrases of 9 random training examples: {kept} of 4 dimensions" in card.replace("\n", " ")
    assert (builder.data_path / "posterior_stddev.png").read_bytes().startswith(b"\x89PNG")
    (builder.data_path / "README.md").unlink()  # as if killed before it
    builder.download_and_prepare()
    assert (builder.data_path / "README.md").read_text() == card


def test_versions_of_one_tune_are_in_one_split_and_counted(songs, encoder, tmp_path):
    (held_out,) = read_melodies(songs / "below" / "4.mid")
    tokens, _ = held_out.phrases()
    tokens[tokens > 1] += 2
    for attempt in range(9):  # others by their bytes, so that most would be for training
        write_midi(Melody.from_phrases(tokens, name=str(attempt), tempos=((0, 70.0),)), songs / f"v{attempt}.mid")
    builder = build(songs, encoder, tmp_path, "melodies", validation_share=0.5)
    files = {
        split: {example["file"].decode() for example in tfds.as_numpy(builder.as_dataset(split))}
        for split in ("train", "validation")
    }
    tune = {"below/4.mid", *(f"v{attempt}.mid" for attempt in range(9))}
    assert not files["train"] & tune or not files["validation"] & tune
    expected = {"files that share a tune": 10, "tunes of several files": 1, "most files of a tune": 10}
    assert builder.info.metadata["tunes"] == expected
    card = (builder.data_path / "README.md").read_text()
    assert "10 files share a tune with another one, in whatever key and tempo: 1 tunes, of up to 10" in card


def test_the_builder_tells_what_the_data_are(songs, encoder, tmp_path):
    builder = build(songs, encoder, tmp_path, "melodies")
    info = builder.info
    assert info.redistribution_info.license == "that of your files"
    assert info.homepage == "https://arxiv.org/abs/2103.16091"
    assert all(author in info.citation for author in ("Mittal", "Raffel", "Wang"))
    assert info.description.startswith("MusicVAE posteriors of melodies")
    assert all(feature.doc.desc for feature in info.features.values())
    assert set(info.release_notes) == {"1.0.0", "1.1.0", "2.0.0"}
    licences = [
        builder_module.Builder(config=name).info.redistribution_info.license for name in ("melodies", "pop909_melodies")
    ]
    assert licences == ["CC BY 4.0", "MIT"]
    frame = tfds.as_dataframe(builder.as_dataset("train").take(2), info)
    assert len(frame) == 2
    assert {"mean", "chroma", "key", "metre"} <= set(frame.columns)


def test_a_second_layout_does_not_encode_again(songs, encoder, tmp_path, monkeypatch):
    build(songs, encoder, tmp_path)
    monkeypatch.setattr(MusicVAE, "encode", None)
    assert build(songs, encoder, tmp_path, "melodies").info.splits["train"].num_examples == 4
    with open(songs / "2.mid", "ab") as file:
        file.write(b"other input")
    shutil.rmtree(tmp_path / "lmd_latents")
    with pytest.raises(TypeError):  # it would encode
        build(songs, encoder, tmp_path)


def test_the_tfds_command_builds_it(songs, encoder, tmp_path):
    pytest.importorskip("apache_beam", reason="the command imports it")
    config = {"name": "mine", "layout": "melodies", "source": str(songs), "encoder": encoder, "num_workers": 0}
    command = [sys.executable, "-m", "tensorflow_datasets.scripts.cli.main", "build", "lmd_latents"]
    command += ["--imports", "tfds_lmd_latents", "--config", json.dumps(config), "--data_dir", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    assert tfds.builder("lmd_latents/mine", data_dir=tmp_path).info.splits["train"].num_examples == 4


def test_a_small_set_has_a_validation_split_or_says_that_it_has_none(songs, encoder, tmp_path):
    (songs / "below" / "4.mid").unlink()
    (songs / "bad.mid").unlink()
    builder = build(songs, encoder, tmp_path / "one", "melodies")
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 3, "validation": 1}
    assert "no validation split" not in (builder.data_path / "README.md").read_text()
    builder = build(songs, encoder, tmp_path / "none", "melodies", validation_share=0.0)
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 4}
    assert "There is no validation split" in (builder.data_path / "README.md").read_text()


def test_manual_dir_is_a_source(songs, encoder, tmp_path):
    config = tfds_lmd_latents.LmdLatentsConfig(name="manual", encoder=encoder, num_workers=0)
    builder = tfds.builder("lmd_latents", config=config, data_dir=tmp_path)
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(manual_dir=songs))
    assert builder.info.splits["train"].num_examples == 9


def test_an_encoder_of_other_sizes_is_refused(songs, encoder, tmp_path):
    with pytest.raises(ValueError, match=r"latents have 5 dimensions\. Received: encoder=.* with 4"):
        build(songs, encoder, tmp_path, latent_dim=5)


def test_another_encoder_than_the_models_is_refused(songs, encoder, tmp_path):
    builder = build(songs, encoder, tmp_path)
    tfds_lmd_latents.check_encoder(builder, MusicVAE.from_preset(encoder))
    other = MusicVAE(latent_dim=4, encoder_units=8, decoder_units=(8,))
    with pytest.raises(ValueError, match="must have one encoder"):
        tfds_lmd_latents.check_encoder(builder, other)
    loaded = tfds.builder("lmd_latents/songs_sequences", data_dir=tmp_path)
    with pytest.raises(ValueError, match="must have one encoder"):
        tfds_lmd_latents.check_encoder(loaded, other)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves `tmp_path / "web"`, the stand-in of the hosts that hold Lakh and Magenta's checkpoint; yields its URL."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "web").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "web")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def pack(path, folder, pattern):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for file in sorted(folder.glob(pattern)):
            archive.add(file, file.relative_to(folder))


def test_music_and_magenta_encoder_are_downloaded(songs, server, tmp_path):
    pack(tmp_path / "web" / "songs.tar.gz", songs, "**/*.mid")
    pack(tmp_path / "web" / "musicvae.tar", GOLDEN, "*.ckpt*")
    sizes = json.loads((GOLDEN / "about.json").read_text())["hparams"]
    builder = build(f"{server}/songs.tar.gz", f"{server}/musicvae.tar", tmp_path, latent_dim=sizes["z_size"])
    assert builder.info.splits["train"].num_examples == 9
    vae = MusicVAE.from_magenta_checkpoint(tmp_path / "web" / "musicvae.tar")
    tfds_lmd_latents.check_encoder(builder, vae)


def test_a_download_with_another_checksum_is_refused(songs, encoder, server, tmp_path, monkeypatch):
    pack(tmp_path / "web" / "songs.tar.gz", songs, "**/*.mid")
    expected = UrlInfo(size=10, checksum="0" * 64, filename="songs.tar.gz")
    monkeypatch.setattr(tfds_lmd_latents.Builder, "url_infos", {f"{server}/songs.tar.gz": expected})
    with pytest.raises(NonMatchingChecksumError, match=r"songs\.tar\.gz"):
        build(f"{server}/songs.tar.gz", encoder, tmp_path)


def test_lakh_has_the_checksum_of_its_home():
    info = tfds_lmd_latents.Builder.url_infos[builder_module.SOURCES["lakh"][0]]
    assert info.size == 1_768_163_879
    assert info.checksum == "6fcfe2ac49ca08f3f214cec86ab138d4fc4dabcd7f27f491a838dae6db45a12b"


def test_a_download_that_breaks_off_is_refused(songs, encoder, server, tmp_path):
    path = tmp_path / "web" / "songs.tar.gz"
    pack(path, songs, "**/*.mid")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(Exception, match=r"a folder or a whole archive\. Received: .*ended before"):
        build(f"{server}/songs.tar.gz", encoder, tmp_path)
    assert not (tmp_path / "lmd_latents" / "songs_sequences" / "2.0.0").exists()


def test_a_source_without_a_piece_is_refused(encoder, tmp_path, songs):
    for path in songs.rglob("*.mid"):
        if path.name != "bad.mid":
            path.unlink()
    with pytest.raises(ValueError, match="must hold 64-bar pieces"):
        build(songs, encoder, tmp_path)


def test_a_full_disk_leaves_no_data_set(songs, encoder, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            build(songs, encoder, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((tmp_path / "lmd_latents").rglob("dataset_info.json"))
