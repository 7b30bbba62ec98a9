"""Building on one machine: worker processes parse, this one encodes, and every finished block stays on disk."""

import contextlib
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from tfds_lmd_latents.encoder import load_encoder
from tfds_lmd_latents.in_workers import in_workers
from tfds_lmd_latents.midi_files import Block
from tfds_lmd_latents.song_block import EncodedBlock, SongBlock


def encode_blocks(
    blocks: Sequence[Block],
    encoder: str,
    folder: str | os.PathLike,
    num_workers: int | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> list[pathlib.Path]:
    """Parses and encodes blocks of MIDI files, each melody where it comes first.

    Memory is bounded by the blocks that are parsed ahead, two per worker, and by one hash per melody. A block that an
    earlier, interrupted call finished is not done again.

    Args:
        blocks: list of `Block`.
        encoder: as for `load_encoder`.
        folder: path of one input and one encoder, made if it is not there; gets one file per block.
        num_workers: processes that parse; 0 parses in this one. Defaults to one per core, or 0 for a single block.
        progress: callback `(blocks done, blocks in total)`, or `None`.

    Returns:
        List of paths for `EncodedBlock.load`, one per block.

    Raises:
        OSError: if the disk is full; the blocks before stay.
    """
    paths = block_paths(blocks, folder)
    missing = [block.files for block, path in zip(blocks, paths, strict=True) if not path.exists()]
    seen = set()
    with contextlib.closing(in_workers(SongBlock.parse, missing, num_workers)) as parsed:
        for done, path in enumerate(paths, start=1):
            if path.exists():
                seen.update(SongBlock.load(path).digests())
            else:
                songs = next(parsed)
                new = _new_melodies(songs.digests(), seen)
                EncodedBlock.encode(load_encoder(encoder), songs.keep(new)).save(path)
            if progress is not None:
                progress(done, len(paths))
    return paths


def block_paths(blocks: Sequence[Block], folder: str | os.PathLike) -> list[pathlib.Path]:
    """Where `encode_blocks` keeps each block; makes the folder."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [folder / f"{block.number:06}.npz" for block in blocks]


def first_melodies(blocks: Sequence[Block], num_workers: int | None = None) -> list[list[int]]:
    """Finds where each melody comes first.

    Args:
        blocks: list of `Block`, in order.
        num_workers: as for `encode_blocks`.

    Returns:
        Of each block, the indices of the melodies that no block, file or track before has.
    """
    seen = set()
    files = [block.files for block in blocks]
    return [_new_melodies(digests, seen) for digests in in_workers(_digests_of, files, num_workers)]


def _digests_of(files):
    return SongBlock.parse(files).digests()


def _new_melodies(digests, seen):
    """Indices of the melodies that were not seen before, which then are."""
    new = []
    for melody, digest in enumerate(digests):
        if digest not in seen:
            seen.add(digest)
            new.append(melody)
    return new
