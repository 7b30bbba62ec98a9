"""`symdiff replay`: make a take again."""

import click

from keras_symdiff.cli.options import output_option


@click.command("replay")
@click.argument("record", metavar="TAKE.json", type=click.Path(exists=True, dir_okay=False))
@output_option(required=False, show_default="that of TAKE.json")
def replay_command(record, output):
    """Make the take of TAKE.json, which `infill` wrote, again: the same bytes of MIDI.

    Stops if the song or the preset has changed, and says which.
    """
    from pathlib import Path

    from keras_symdiff.infilling.take_record import TakeRecord

    read = TakeRecord.load(record)
    song = read.check_sources()

    from keras_symdiff.cli.load_composer import load_composer
    from keras_symdiff.infilling.replay import replay
    from keras_symdiff.write_atomically import write_atomically

    composer, progress = load_composer(read.preset)
    data = replay(read, song, composer, lambda *done: progress("Sampling", *done))
    folder = Path(record).parent if output is None else Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(read.file).name  # a record from elsewhere shall not choose the folder
    write_atomically(path, data)
    click.echo(f"Wrote {path}, the same bytes as recorded")
