"""The `symdiff` command: one file a verb, each loaded when it is called."""

import functools
import importlib
import io
import os
import sys
import traceback
import warnings

import click

from keras_symdiff.cli.errors import explain, fail, show_warning
from keras_symdiff.version import __version__

_COMMANDS = {
    "inspect": "Show the melodies of a MIDI file, or count those of a folder.",
    "train-vae": "Train a MusicVAE on the phrases of MIDI files.",
    "import-magenta": "Turn a checkpoint of Magenta's MusicVAE into a preset folder.",
    "encode": "Encode the melodies of MIDI files into latents (.npz).",
    "decode": "Decode latents (.npz) into MIDI files.",
    "train": "Train a diffusion model, or its baseline, on MIDI files or encoded melodies.",
    "sample": "Compose new melodies.",
    "infill": "Compose bars of a song's melody anew.",
    "replay": "Make a take of `infill` again, to the byte.",
    "studio": "See, hear and compose a song in the browser, on this machine.",
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
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--offline", is_flag=True, help="Take presets of the Hugging Face hub from its cache alone.")
@click.pass_context
def symdiff(context, debug, offline):
    """Diffusion models of melodies: MIDI in, new and infilled MIDI out."""
    context.obj["debug"] = debug
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # which huggingface_hub reads when it is imported
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Runs `symdiff`. An error is one line on stderr; the exit code is 2 for wrong options, else 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow talks of missing GPUs, on every backend
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be of any bytes
    state = {}
    try:
        with warnings.catch_warnings():
            warnings.showwarning = functools.partial(show_warning, warnings.showwarning)
            symdiff.main(prog_name="symdiff", standalone_mode=False, obj=state)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else None
        fail(error.format_message() + (f" (see {where} --help)" if where else ""), error.exit_code)
    except Exception as error:
        if state.get("debug"):
            traceback.print_exc()
        fail(explain(error))
