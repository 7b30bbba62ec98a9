"""`symdiff replay`: make a take again."""

import click


@click.command("replay")
@click.argument("record", metavar="TAKE.json", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", metavar="DIR", type=click.Path(file_okay=False), show_default="that of TAKE.json",
              help="Folder to write.")  # fmt: skip
def replay_command(record, output):
    """Make the take of TAKE.json, which `infill` wrote, again: the same bytes of MIDI.

    Refuses where the input file or the preset has changed, and says which.
    """
    from keras_symdiff.cli.aloud import announce_backend, progress_bar

    announce_backend()
    from keras_symdiff.infilling.replay import replay

    click.echo(f"Wrote {replay(record, output, progress_bar('Sampling'))}, the same bytes as recorded")
