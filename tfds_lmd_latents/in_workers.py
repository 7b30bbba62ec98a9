"""Work that worker processes share."""

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Generator, Sequence


def in_workers(function: Callable, items: Sequence, num_workers: int | None = None) -> Generator:
    """Yields `function(item)` of each item, in order.

    Args:
        function: function of a module.
        items: list.
        num_workers: int, processes that work, at most two items each ahead of what was taken; 0 works in this one.
            Defaults to one a core, or 0 for a single item.
    """
    if num_workers is None:
        num_workers = (os.cpu_count() or 1) if len(items) > 1 else 0
    if not num_workers:
        yield from map(function, items)
        return
    # Spawned and not forked: TensorFlow's and JAX's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(num_workers, context, _end_with_parent) as workers:
        ahead = collections.deque()
        try:
            for item in items:
                ahead.append(workers.submit(function, item))
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
