"""The backend that computes, and what verbs write to the terminal while they work."""

import os
import sys
from collections.abc import Callable

import click

from keras_symdiff.choose_backend import BACKENDS


def announce_backend(processes: bool = False) -> None:
    """Imports Keras and names the backend that computes.

    Args:
        processes: join other processes, if a launcher says so; see `training.processes`.

    Raises:
        click.ClickException: if it is none of ours; Keras has more, which cannot train.
    """
    backend = os.environ.get("KERAS_BACKEND")
    if backend is None:
        raise click.ClickException("No backend is installed. Install one: pip install 'keras_symdiff[jax]'")
    if backend not in BACKENDS:
        raise click.ClickException(f"KERAS_BACKEND must be one of {', '.join(BACKENDS)}. Received: {backend}")
    from keras_symdiff.cli.import_keras import import_keras
    from keras_symdiff.compilation_cache import use_compilation_cache

    keras = import_keras()
    use_compilation_cache()
    if processes:
        from keras_symdiff.training.processes import join_processes

        join_processes()
    click.echo(f"Keras {keras.__version__} on {keras.backend.backend()}", err=True)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 take`, `2 takes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def progress_bar() -> Callable[[str, int, int], None]:
    """Makes a callback `(label, done, total)` that draws a bar for each label; elsewhere than on a terminal, a line."""
    bars = {}

    def report(label: str, done: int, total: int) -> None:
        if label not in bars:
            bars[label] = click.progressbar(length=total, label=label, file=sys.stderr, show_pos=True)
            bars[label].render_progress()
        bars[label].update(done - bars[label].pos)
        if done == total:
            bars.pop(label).render_finish()

    return report


def labelled_bar(label: str) -> Callable[[int, int], None]:
    """Makes a callback `(done, total)` that draws one bar."""
    report = progress_bar()
    return lambda done, total: report(label, done, total)
