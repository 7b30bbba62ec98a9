"""Building on a cluster: the workers of an Apache Beam runner write the blocks that one machine would."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from tfds_lmd_latents.encode_blocks import block_paths, first_melodies
from tfds_lmd_latents.encoder import load_encoder
from tfds_lmd_latents.midi_files import Block
from tfds_lmd_latents.song_block import EncodedBlock, SongBlock


def encode_with_beam(
    blocks: Sequence[Block],
    encoder: str,
    folder: str | os.PathLike,
    num_workers: int | None = None,
    runner: Any = None,
    options: Any = None,
) -> list[pathlib.Path]:
    """Does what `encode_blocks` does, on a cluster, and writes the same files.

    This process parses all files once, for hashes of the melodies: so each block knows which of its melodies come
    first, and can be encoded by whatever worker, whenever, and again. A pipeline of independent steps is all that is
    asked of the runner. A block that an earlier call finished, here or on one machine, is not done again.

    Args:
        blocks: list of `Block`; workers must see the files under the same paths.
        encoder: as for `load_encoder`, which each worker calls once.
        folder: as for `encode_blocks`, on a disk that the workers share.
        num_workers: processes of this machine that parse; as for `encode_blocks`.
        runner: Beam runner, or its name. Defaults to that of the options.
        options: Beam's `PipelineOptions`, or `None`.

    Returns:
        List of paths for `EncodedBlock.load`, one per block.
    """
    paths = block_paths(blocks, folder)
    if not all(path.exists() for path in paths):
        firsts = first_melodies(blocks, num_workers)
        tasks = [
            (encoder, block.files, melodies, str(path))
            for block, melodies, path in zip(blocks, firsts, paths, strict=True)
            if not path.exists()
        ]
        pipeline = beam.Pipeline(runner, options)
        _ = pipeline | beam.Create(tasks) | beam.MapTuple(_encode_block)
        pipeline.run().wait_until_finish()
    return paths


def _encode_block(encoder, files, melodies, path):
    """Writes a block, unless a worker has done so that died before it could tell."""
    if not os.path.exists(path):
        EncodedBlock.encode(load_encoder(encoder), SongBlock.parse(files).keep(melodies)).save(path)
