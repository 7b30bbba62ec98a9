"""Several processes, on one machine or many, that train one model on JAX."""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import keras

_PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"


def join_processes() -> None:
    """Makes this process one of several, where a launcher has set the variables of `keras.distribution.initialize`.

    These are `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `host:port` of the first process, `KERAS_DISTRIBUTION_NUM_PROCESSES`
    and `KERAS_DISTRIBUTION_PROCESS_ID`. To be called before JAX computes anything.

    Raises:
        ValueError: on another backend than JAX.
    """
    processes = os.environ.get(_PROCESSES)
    if processes is None:
        return
    if keras.backend.backend() != "jax":
        raise ValueError(
            f"Several processes train on JAX only. Received: {_PROCESSES}={processes} on {keras.backend.backend()}"
        )
    keras.distribution.initialize()


def this_process() -> tuple[int, int]:
    """The index of this process, and how many train together."""
    if keras.backend.backend() != "jax":
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()


def spread_over_processes() -> None:
    """Lets the models that are made from here on train on the devices of all processes, where there are several."""
    if this_process()[1] > 1:
        keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def own_share(batch: Any) -> Any:
    """The rows of a batch, an array or nested tuples of arrays, that this process reads."""
    process, processes = this_process()
    if processes == 1:
        return batch
    if isinstance(batch, tuple):
        return tuple(own_share(part) for part in batch)
    if len(batch) % processes:
        raise ValueError(f"Processes share a batch equally. Received: batch_size={len(batch)} for {processes} of them")
    rows = len(batch) // processes
    return batch[process * rows : (process + 1) * rows]


def folder_to_write(shared: str | os.PathLike) -> Path:
    """The shared folder for the first process; for another one a folder that goes with it.

    All write, because Keras makes variables while it saves, which takes all processes.
    """
    return Path(_own_folder().name) if this_process()[0] else Path(shared)


@functools.cache
def _own_folder():
    return tempfile.TemporaryDirectory()
