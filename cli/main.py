"""The `symdiff` command: one file a verb, each loaded when it is called."""

import importlib
import importlib.util
import os
import sys

import click

from keras_symdiff.cli.options import BACKENDS
from keras_symdiff.version import __version__

_COMMANDS = {
    "inspect": "Show the melodies of a MIDI file, or count those of a folder.",
    "train-vae": "Train a MusicVAE on the phrases of MIDI files.",
    "import-magenta": "Turn a checkpoint of Magenta's MusicVAE into a folder that the other commands read.",
    "encode": "Encode the melodies of MIDI files into latents (.npz).",
    "decode": "Decode latents (.npz) into MIDI files.",
    "train": "Train a diffusion model, or its baseline, on the melodies of MIDI files or on encoded ones.",
    "sample": "Compose new 64-bar melodies.",
    "infill": "Compose bars of a tune anew, between its own.",
    "replay": "Make a take of `infill` again, to the byte.",
    "evaluate": "Score a trained model as the paper does, beside baselines, nulls and real music.",
}


class _LazyGroup(click.Group):
    """Imports a verb's module when the verb is called, so that `--help` answers at once."""

    def list_commands(self, context):
        return list(_COMMANDS)

    def get_command(self, context, name):
        if name not in _COMMANDS:
            return None
        module = name.replace("-", "_")
        return getattr(importlib.import_module(f"keras_symdiff.cli.{module}"), f"{module}_command")

    def format_commands(self, context, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(
    cls=_LazyGroup,
    name="symdiff",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
@click.pass_context
def symdiff(context):
    """Diffusion models of melodies: MIDI in, new and infilled MIDI out."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main():
    """Runs `symdiff`; what a user can put right ends as one line on stderr: exit code 2 for its options, else 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow talks of missing GPUs, on every backend
    try:
        choose_backend()
        symdiff.main(prog_name="symdiff", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "symdiff"
        _fail(f"{error.format_message()} (see {command} --help)", error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except (ValueError, ImportError) as error:
        _fail(error)


def _fail(message, exit_code=1):
    click.echo(f"Error: {' '.join(str(message).split())}", err=True)
    sys.exit(exit_code)


def choose_backend():
    """Takes the first installed backend where `KERAS_BACKEND` is unset.

    Keras itself would take TensorFlow, installed or not, and write that into its configuration file as if chosen.
    """
    if os.environ.get("KERAS_BACKEND"):
        return
    for backend in BACKENDS:
        if importlib.util.find_spec(backend) is not None:
            os.environ["KERAS_BACKEND"] = backend
            return
