"""Options that several verbs share."""

import dataclasses
import functools
import json
import os
from collections.abc import Callable
from typing import Any

import click

from keras_symdiff.diffusion.sampler import MOST, QUALITIES, SAMPLERS, Sampler
from keras_symdiff.files.check_writable import check_writable
from keras_symdiff.music.key_cost import KEY_COST
from keras_symdiff.presets.default import DEFAULT_PRESET

BACKENDS = ("jax", "tensorflow", "torch")

seed_option = click.option(
    "--seed",
    type=click.IntRange(0, (1 << 32) - 1),
    default=0,
    show_default=True,
    help="The same seed gives the same music.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Print the resolved configuration and stop.")
temperature_option = click.option(
    "--temperature", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True,
    help="Decoding temperature; 0.001 is effectively greedy.",
)  # fmt: skip
model_option = click.option(
    "--preset", metavar="NAME|RUN", default=DEFAULT_PRESET, show_default=True,
    help="Trained models: a shipped preset or a run directory.",
)  # fmt: skip
audio_option = click.option("--audio", is_flag=True, help="Also write WAV files.")


def _check_output(context, parameter, path):
    if path is not None:
        check_writable(path)
    return path


def check_output_file(context: click.Context, parameter: click.Parameter, path: str | None) -> str | None:
    """Callback of an option that names a file to write: tries its folder."""
    if path is not None:
        check_writable(os.path.dirname(path) or ".")
    return path


def output_option(
    metavar: str = "DIR", required: bool = True, help: str = "Output folder.", show_default: str | None = None
) -> Callable:
    """`-o`: a folder that is tried before any long work."""
    return click.option("-o", "--output", metavar=metavar, required=required, type=click.Path(file_okay=False),
                        callback=_check_output, help=help, show_default=show_default)  # fmt: skip


def sampler_options(command: Callable) -> Callable:
    """`--quality` and what overrides it; the command gets one argument, `sampler`, a `Sampler`."""
    steps_of = ", ".join(f"{quality} is {sampler.num_steps} steps" for quality, sampler in QUALITIES.items())

    @click.option("--quality", type=click.Choice(list(QUALITIES)), default="normal", show_default=True,
                  help=f"Better quality takes more time: {steps_of}.")  # fmt: skip
    @click.option("--sampler", type=click.Choice(SAMPLERS), default=None,
                  help="Overrides --quality: this sampler, without guidance.")  # fmt: skip
    @click.option("--steps", type=click.IntRange(1, MOST["num_steps"]), default=None,
                  help="Overrides the number of steps of --quality.")  # fmt: skip
    @functools.wraps(command)
    def with_sampler(quality, sampler, steps, **options):
        chosen = Sampler(sampler, QUALITIES[quality].num_steps) if sampler else QUALITIES[quality]
        chosen = dataclasses.replace(chosen, num_steps=steps or chosen.num_steps)
        click.get_current_context().params |= {  # what `--dry-run` prints
            "sampler": chosen.name, "steps": chosen.num_steps, "noise_scale": chosen.noise_scale,
            "guidance": chosen.guidance, "condition_scale": chosen.condition_scale,
        }  # fmt: skip
        return command(sampler=chosen, **options)

    return with_sampler


def _read_chords(context, parameter, text):
    """Chords as text, from a file if there is one of this name."""
    if text is None or not os.path.isfile(text):
        return text
    from keras_symdiff.music.chord_symbols import Chords

    return str(Chords.open(text))


def _read_range(context, parameter, text):
    """Two names of pitches."""
    return None if text is None else tuple(text.split("-", 1))


def asked_options(command: Callable) -> Callable:
    """What is asked of new music; the command gets one argument, `asked`, a dict."""

    @click.option(
        "--chords",
        metavar="CHORDS|FILE",
        callback=_read_chords,
        help="Chords to compose over, bars separated by |: 'C | Am F | G7 | %'. Repeated to the length needed.",
    )
    @click.option("--key", metavar="KEY", help="Key, such as 'A minor'.")
    @click.option("--density", metavar="N", help="Onsets per bar; for infill also relative: +1.")
    @click.option("--range", "pitch_range", metavar="LOW-HIGH", callback=_read_range, help="Pitches, such as C4-C6.")
    @click.option("--form", metavar="LETTERS", help="Form in letters of 8 bars (or 4), such as AABA', or none.")
    @click.option(
        "--key-cost",
        type=click.FloatRange(0),
        default=KEY_COST,
        show_default=True,
        help="Cost in nats of notes outside the key; 0 for free decoding.",
    )
    @functools.wraps(command)
    def with_asked(chords, key, density, pitch_range, form, key_cost, **options):
        if density is not None and not density.startswith(("+", "-")):
            density = click.FLOAT.convert(density, None, None)
        asked = {"chords": chords, "key": key, "density": density, "pitch_range": pitch_range, "form": form,
                 "key_cost": key_cost}  # fmt: skip
        click.get_current_context().params |= asked
        return command(asked=asked, **options)

    return with_asked


def training_options(batch_size: int | None, learning_rate: float | None, epochs: int, steps: int) -> Callable:
    """The options of a training run, with one verb's defaults."""

    def decorate(command):
        for option in (
            click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32",
                         show_default=True, help="Keras dtype policy."),
            click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=learning_rate,
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
