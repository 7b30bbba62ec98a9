"""Options that several verbs share."""

import dataclasses
import functools
import json

import click

from keras_symdiff.diffusion.sampler import QUALITIES, SAMPLERS, Sampler
from keras_symdiff.presets.default import DEFAULT_PRESET

BACKENDS = ("jax", "tensorflow", "torch")

seed_option = click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same music."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Print the resolved configuration and stop.")
temperature_option = click.option(
    "--temperature", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True,
    help="Of the softmax that tokens are drawn from; the paper's 0.001 is nearly always the likeliest.",
)  # fmt: skip
model_option = click.option(
    "--preset", metavar="NAME|RUN", default=DEFAULT_PRESET, show_default=True,
    help="A shipped preset, or a run directory.",
)  # fmt: skip

audio_option = click.option(
    "--audio", is_flag=True, help="Also write a WAV file: FluidSynth renders where it is installed with a soundfont."
)


def sampler_options(command):
    """`--quality`, and what overrides it: the command gets one argument, `sampler`, a `Sampler`."""

    @click.option("--quality", type=click.Choice(list(QUALITIES)), default="normal", show_default=True,
                  help="Of diffusion, against time: " + ", ".join(
                      f"{quality} is {sampler.name} with {sampler.num_steps} steps"
                      for quality, sampler in QUALITIES.items()) + ".")  # fmt: skip
    @click.option("--sampler", type=click.Choice(SAMPLERS), default=None,
                  help="Instead of the quality's, with all its noise and no guidance.")  # fmt: skip
    @click.option("--steps", type=click.IntRange(1), default=None, help="Of the sampler, instead of the quality's.")
    @functools.wraps(command)
    def with_sampler(quality, sampler, steps, **options):
        chosen = Sampler(sampler, QUALITIES[quality].num_steps) if sampler else QUALITIES[quality]
        chosen = dataclasses.replace(chosen, num_steps=steps or chosen.num_steps)
        click.get_current_context().params |= {  # what `--dry-run` prints
            "sampler": chosen.name, "steps": chosen.num_steps, "noise_scale": chosen.noise_scale,
            "guidance": chosen.guidance,
        }  # fmt: skip
        return command(sampler=chosen, **options)

    return with_sampler


def training_options(batch_size, learning_rate, epochs, steps):
    """The options of a training run, with one verb's defaults."""

    def decorate(command):
        for option in (
            click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32",
                         show_default=True, help="Keras's dtype policy."),
            click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=learning_rate,
                         show_default=True, help="At the first step."),
            click.option("--batch-size", type=click.IntRange(1), default=batch_size, show_default=True),
            click.option("--steps", type=click.IntRange(1), default=steps, show_default=True, help="Batches an epoch."),
            click.option("--epochs", type=click.IntRange(1), default=epochs, show_default=True),
        ):  # fmt: skip
            command = option(command)
        return command

    return decorate


def print_config(options):
    """Prints a resolved configuration as JSON."""
    click.echo(json.dumps({name: value for name, value in options.items() if name != "dry_run"}, indent=1))
