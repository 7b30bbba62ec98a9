"""Building on one machine: worker processes parse, this one encodes, and every finished block stays on disk."""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

from tfds_lmd_latents.encoder import load_encoder
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
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{block.number:06}.npz" for block in blocks]
    missing = [block for block, path in zip(blocks, paths, strict=True) if not path.exists()]
    if num_workers is None:
        num_workers = (os.cpu_count() or 1) if len(missing) > 1 else 0
    seen = set()
    with contextlib.closing(parse_blocks(missing, num_workers)) as parsed:
        for done, path in enumerate(paths, start=1):
            if path.exists():
                seen.update(SongBlock.load(path).digests())
            else:
                songs = next(parsed)
                EncodedBlock.encode(load_encoder(encoder), songs.keep(_new_melodies(songs, seen))).save(path)
            if progress is not None:
                progress(done, len(paths))
    return paths


def _new_melodies(songs, seen):
    """Indices of the melodies that were not seen before, which then are."""
    new = []
    for melody, digest in enumerate(songs.digests()):
        if digest not in seen:
            seen.add(digest)
            new.append(melody)
    return new


def parse_blocks(blocks: Sequence[Block], num_workers: int) -> Generator[SongBlock]:
    """Yields the `SongBlock` of each `Block`, in order, parsed by so many processes, or by this one for 0."""
    if not num_workers:
        yield from (SongBlock.parse(block.files) for block in blocks)
        return
    # Spawned and not forked: TensorFlow's and JAX's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(num_workers, context, _end_with_parent) as workers:
        ahead = collections.deque()
        try:
            for block in blocks:
                ahead.append(workers.submit(SongBlock.parse, block.files))
                if len(ahead) > 2 * num_workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            workers.shutdown(cancel_futures=True)


def _end_with_parent():
    """Ends this worker when the process that builds is killed; a worker would wait for work for ever."""

    def wait():
        parent = multiprocessing.parent_process()
        multiprocessing.connection.wait([parent.sentinel] if parent else [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
