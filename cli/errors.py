"""Errors and warnings as one line on stderr."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

_LONGEST_LINE = 1000  # letters of an error
_OURS = ("keras_symdiff", "tfds_lmd_latents")  # packages whose errors say what to put right


def show_warning(show: Callable, message: Warning | str, category: type, filename: str, *where: Any) -> None:
    """Shows a warning of ours as one line; others as `show` does."""
    if category.__module__.startswith("keras_symdiff."):
        click.echo(f"Note: {message}", err=True)
    else:
        show(message, category, filename, *where)


def explain(error: Exception) -> Exception | str:
    """Returns one line on an error: its own if it tells what to put right, else with the request to report it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    raised_in = trace.tb_frame.f_globals.get("__name__", "").split(".")[0] if trace else ""
    if isinstance(error, ImportError) or (isinstance(error, ValueError) and raised_in in _OURS):
        return error
    return f"{type(error).__name__}: {error} This is a bug: please report it, with what `symdiff --debug ...` shows."


def fail(message: Exception | str, exit_code: int = 1) -> NoReturn:
    """Ends the command with one line."""
    line = " ".join(str(message).split())
    click.echo(f"Error: {line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + '...'}", err=True)
    sys.exit(exit_code)
