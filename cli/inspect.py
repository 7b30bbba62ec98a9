"""`symdiff inspect`: what a MIDI file or folder holds, and what would be made of it."""

import click

_COUNTS = {
    "files": "files with a melody",
    "skipped": "files skipped",
    "melodies": "melodies",
    "phrases": "two-bar phrases",
    "distinct": "distinct phrases",
    "rests": "phrases without onset",
    "windows": "pieces of 32 phrases without a rest phrase",
}


@click.command("inspect")
@click.argument("file_or_dir", type=click.Path(exists=True, allow_dash=True))
def inspect_command(file_or_dir):
    """Show the melodies of a MIDI file, or count those of a folder.

    For a file: its tracks, metre, tempo, bars, swing, key and chords, which melody `infill` uses and why, what is
    dropped, and what `infill` refuses. For a folder: a table of counts, and the files that cannot be used, with
    reasons. `-` reads a file from standard input.
    """
    import pathlib

    if pathlib.Path(file_or_dir).is_dir():
        from keras_symdiff.cli.console import labelled_bar
        from keras_symdiff.music.corpus import read_corpus

        corpus = read_corpus(file_or_dir, labelled_bar("Reading MIDI files"))
        for name, count in corpus.counts().items():
            click.echo(f"{count:>10,}  {_COUNTS[name]}")
        for file, reason in corpus.skipped:
            click.echo(f"skipped {file}: {reason}")
        return
    from keras_symdiff.cli.read_inputs import open_song
    from keras_symdiff.infilling.describe_song import describe_song

    description = describe_song(open_song(file_or_dir))
    click.echo(f"{file_or_dir}\n{description}")
