import os
import pathlib
import signal

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tfds_lmd_latents
from tfds_lmd_latents import encode_blocks as module
from tfds_lmd_latents import midi_files
from tfds_lmd_latents.encode_blocks import encode_blocks
from tfds_lmd_latents.midi_files import cut_into_blocks, find_midi_files
from tfds_lmd_latents.song_block import EncodedBlock

beam = pytest.importorskip("apache_beam", reason="the extra [beam] is optional")
distributed = pytest.importorskip("distributed", reason="the extra [beam] is optional")
if keras.backend.backend() != "jax":
    pytest.skip("the backend does not matter", allow_module_level=True)

LAKH = pathlib.Path(__file__).parents[1] / "data" / "lakh"


def examples(paths):
    return {key: example for path in paths for key, example in EncodedBlock.load(path).examples("melodies")}


def test_beam_writes_the_blocks_that_one_machine_writes(songs, tiny_preset, tmp_path, monkeypatch):
    from tfds_lmd_latents.beam_pipeline import encode_with_beam

    original = (songs / "1.mid").read_bytes()
    (songs / "x.mid").write_bytes(original + b"another file with the same melody")
    monkeypatch.setattr(midi_files, "FILES_PER_BLOCK", 1)
    blocks = cut_into_blocks(find_midi_files(songs)[0])
    alone = encode_blocks(blocks, str(tiny_preset), tmp_path / "alone", num_workers=0)
    # A build that one machine began goes on with Beam.
    first, *_ = encode_blocks(blocks[:1], str(tiny_preset), tmp_path / "beam", num_workers=0)
    written = first.stat().st_mtime_ns
    on_beam = encode_with_beam(blocks, str(tiny_preset), tmp_path / "beam", num_workers=0, runner="DirectRunner")
    assert first.stat().st_mtime_ns == written
    np.testing.assert_equal(examples(on_beam), examples(alone))
    duplicates = [EncodedBlock.load(path).songs.duplicates for path in on_beam]
    assert duplicates == [EncodedBlock.load(path).songs.duplicates for path in alone]
    assert sum(duplicates) == 1
    monkeypatch.setattr(module, "in_workers", None)  # nothing is parsed where nothing is missing
    assert encode_with_beam(blocks, str(tiny_preset), tmp_path / "beam") == on_beam


class DiesOnce(distributed.WorkerPlugin):
    """Kills the worker that is first to start its third block, without any notice."""

    def __init__(self, marker):
        self.marker = marker

    def setup(self, worker):
        self.started = 0

    def transition(self, key, start, finish, **kwargs):
        self.started += finish == "executing"
        if self.started == 3:
            try:
                open(self.marker, "x").close()
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)


def test_two_worker_processes_build_the_data_set_though_one_is_killed(tiny_preset, tmp_path, monkeypatch):
    monkeypatch.setattr(midi_files, "FILES_PER_BLOCK", 1)
    config = tfds_lmd_latents.LmdLatentsConfig(
        name="lakh", layout="melodies", source=str(LAKH), encoder=str(tiny_preset), num_workers=0
    )

    def build(name, options=None):
        builder = tfds.builder("lmd_latents", config=config, data_dir=tmp_path / name, file_format="array_record")
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(beam_options=options))
        return builder

    killed = tmp_path / "killed"
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            client.register_plugin(DiesOnce(killed))
        workers = set(cluster.scheduler_info["workers"])
        options = beam.options.pipeline_options.PipelineOptions(
            runner="apache_beam.runners.dask.dask_runner.DaskRunner",
            address=cluster.scheduler_address,
            partition_size=1,
        )
        on_dask = build("dask", options)
        distributed.default_client().close()  # the runner leaves it open
        assert killed.exists()
        assert workers != set(cluster.scheduler_info["workers"])  # another one was started
    alone = build("alone")
    for split in ("train", "validation"):
        np.testing.assert_equal(list(on_dask.as_data_source(split)), list(alone.as_data_source(split)))
    assert on_dask.info.metadata["counts"] == alone.info.metadata["counts"]
    assert len(on_dask.as_data_source("train")) > 9
