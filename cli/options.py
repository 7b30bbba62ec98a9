"""Options that several verbs share."""

import json
import math
import os
from collections.abc import Callable
from typing import Any

import click

from keras_symdiff.constants import MOST_TEMPERATURE
from keras_symdiff.files.check_writable import check_writable
from keras_symdiff.presets.default import DEFAULT_PRESET


class Number(click.FloatRange):
    """A finite number in a range; click lets NaN through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuses what is not finite before the range is looked at."""
        number = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return super().convert(number, param, ctx)


seed_option = click.option(
    "--seed",
    type=click.IntRange(0, (1 << 32) - 1),
    default=0,
    show_default=True,
    help="The same seed gives the same music.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Print the resolved configuration and stop.")
temperature_option = click.option(
    "--temperature", type=Number(0, MOST_TEMPERATURE, min_open=True), default=1e-3, show_default=True,
    help="How freely notes are drawn: at 0.001 always the likeliest, at 1 as often as they are likely.",
)  # fmt: skip
model_option = click.option(
    "--preset", metavar="NAME|RUN", default=DEFAULT_PRESET, show_default=True,
    help="Trained models: a shipped preset, a run directory or hf://USER/NAME.",
)  # fmt: skip
audio_option = click.option("--audio", is_flag=True, help="Also write WAV files.")


def check_output(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Callback of an option that names what to write: a folder, or where its metavar says so an .npz file."""
    if path is None:
        return path
    metavar = str(parameter.metavar)
    is_file = path.endswith(".npz") and metavar.endswith("FILE.npz")
    if not path:
        raise click.BadParameter("An output needs a name. Received: ''", context, parameter)
    if metavar == "FILE.npz" and not is_file:
        raise click.BadParameter(f"{path} does not end in .npz", context, parameter)
    if is_file and os.path.isdir(path):
        raise click.BadParameter(f"File '{path}' is a directory.", context, parameter)
    if not is_file and os.path.isfile(path):
        raise click.BadParameter(f"Directory '{path}' is a file.", context, parameter)
    check_writable((os.path.dirname(path) or ".") if is_file else path)
    return path


def output_option(
    metavar: str = "DIR", required: bool = True, help: str = "Output folder.", show_default: str | None = None
) -> Callable:
    """`-o`: a folder, or where `metavar` says so an .npz file; it is tried before any long work."""
    return click.option("-o", "--output", metavar=metavar, required=required, type=click.Path(),
                        callback=check_output, help=help, show_default=show_default)  # fmt: skip


def training_options(batch_size: int | None, learning_rate: float | None, epochs: int, steps: int) -> Callable:
    """The options of a training run, with one verb's defaults."""

    def decorate(command):
        for option in (
            click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32",
                         show_default=True, help="Keras dtype policy."),
            click.option("--learning-rate", type=Number(0, min_open=True), default=learning_rate,
                         show_default=True, help="Learning rate at the first step."),
            click.option("--batch-size", type=click.IntRange(1, 1 << 20), default=batch_size, show_default=True,
                         help="Examples per step."),
            click.option("--steps", type=click.IntRange(1, 10**9), default=steps, show_default=True,
                         help="Steps per epoch."),
            click.option("--epochs", type=click.IntRange(1, 10**9), default=epochs, show_default=True,
                         help="Epochs of the whole run."),
        ):  # fmt: skip
            command = option(command)
        return command

    return decorate


def print_config(options: dict[str, Any]) -> None:
    """Prints a resolved configuration as JSON."""
    click.echo(json.dumps({name: value for name, value in options.items() if name != "dry_run"}, indent=1))
