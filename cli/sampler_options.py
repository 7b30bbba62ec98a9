"""`--quality`, `--sampler` and `--steps`."""

import dataclasses
import functools
from collections.abc import Callable

import click

from keras_symdiff.diffusion.sampler import MOST, QUALITIES, SAMPLERS, Sampler


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
