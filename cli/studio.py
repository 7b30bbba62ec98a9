"""`symdiff studio`: compose in the browser."""

import os

import click

from keras_symdiff.cli.options import model_option


@click.command("studio")
@click.argument("song", metavar="[SONG.mid]", required=False, type=click.Path(exists=True, dir_okay=False))
@model_option
@click.option("--no-browser", is_flag=True, help="Print the page's address and open nothing.")
@click.option("--host", metavar="ADDRESS", help="Listen on this address, for other machines; needs a token.")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, show_default="a free one",
              help="Listen on this port, for scripts.")  # fmt: skip
@click.option("--token", metavar="TEXT", help="The token that --host needs; made and printed if not given.")
def studio_command(song, preset, no_browser, host, port, token):
    """Open a page on this machine on which SONG.mid is seen, heard and composed.

    Nothing leaves the machine, and SONG.mid is never overwritten. Ctrl-C ends it.
    """
    if token is not None and host is None:
        raise click.UsageError("--token is for --host.")
    try:
        from keras_symdiff.studio.serve import Studio
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("keras_symdiff"):
            raise
        raise click.ClickException(f"The studio needs {error.name}: pip install 'keras_symdiff[studio]'") from error
    from keras_symdiff.presets.preset import preset_folder

    preset_folder(preset)  # refuses an unknown one before the page shows
    studio = Studio(song, preset, host, token, port=port)
    click.echo(f"Studio: {studio.url}   (Ctrl-C ends it)")
    if not no_browser:
        studio.open_browser()
    studio.run()
    os._exit(0)  # at once: nothing else ends a step that is being computed, and nothing is left to be kept
