"""`symdiff infill`: compose bars of a tune anew, between its own."""

import click

from keras_symdiff.cli.options import audio_option, model_option, sampler_options, seed_option, temperature_option


@click.command("infill")
@click.argument("midi", metavar="SONG.mid", type=click.Path(exists=True, dir_okay=False))
@click.option("--bars", metavar="FIRST-LAST", multiple=True,
              help="Bars to compose, from 1, both included; or beats: 17.3-18.2. May be given again.")  # fmt: skip
@click.option("--continue", "continue_bars", metavar="N", type=click.IntRange(1),
              help="Compose N bars beyond the melody's last one.")  # fmt: skip
@click.option("--track", metavar="N", type=click.IntRange(1), help="The melody's track, as `inspect` numbers it.")
@click.option("--track-name", metavar="NAME", help="The melody's track by its name.")
@click.option("--keep-rhythm", is_flag=True, help="Compose new pitches in the rhythm that is there.")
@click.option("--keep-pitches", is_flag=True, help="Compose a new rhythm of the pitches that are there.")
@click.option("--takes", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many to choose from: ranked, without near-duplicates, on a page to hear them.")  # fmt: skip
@click.option("-o", "--output", metavar="DIR", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@sampler_options
@audio_option
@temperature_option
@model_option
@seed_option
@click.option("--dry-run", is_flag=True, help="Show what would be kept and what composed, and stop.")
def infill_command(
    midi, bars, continue_bars, track, track_name, keep_rhythm, keep_pitches, takes,
    output, sampler, audio, temperature, preset, seed, dry_run,
):  # fmt: skip
    """Compose bars of SONG.mid's melody anew, fitting the bars around them.

    The notes of the melody's track that start in these bars are replaced; every other event of the file stays. A note
    that sounds into them from before is cut there. Writes the file with its new bars, a record from which `replay`
    makes it again, and a piano roll (PNG) that frames them; of several takes, all of these files and one page (HTML).
    """
    if not bars and not continue_bars:
        raise click.UsageError("Name bars with --bars, or how many to go on for with --continue")
    if track and track_name is not None:
        raise click.UsageError("Name one of --track and --track-name")
    if keep_rhythm and keep_pitches:
        raise click.UsageError("Name one of --keep-rhythm and --keep-pitches: both leave nothing to compose")
    from keras_symdiff.infilling.infill_request import InfillRequest
    from keras_symdiff.render.bar_picture import draw_bars

    keep = "rhythm" if keep_rhythm else "pitches" if keep_pitches else None
    request = InfillRequest(
        midi, bars, continue_bars or 0, track, track_name, keep, takes, seed, sampler, temperature
    )  # fmt: skip
    piece = request.read_piece()
    melody, names = piece.melody, ", ".join(gap.name for gap in piece.gaps)
    click.echo(f"Melody: {melody.name or '(no name)'} (track {melody.track + 1}), because {piece.reason}")
    click.echo(f"Composing bars {names}")
    if dry_run:
        lines = melody.grid.bar_lines(max(piece.num_steps, melody.num_steps, piece.gaps[-1].end_step))
        return click.echo(draw_bars(melody, piece.gaps, lines))

    from keras_symdiff.cli.aloud import announce_backend, progress_bar

    announce_backend()
    from keras_symdiff.infilling.loaded_preset import LoadedPreset
    from keras_symdiff.infilling.make_takes import make_takes
    from keras_symdiff.infilling.ranking import score_table

    loaded = LoadedPreset.load(preset)
    click.echo(f"Weights: {loaded.model.weights_origin}", err=True)
    made = make_takes(request, loaded, progress_bar("Sampling"), piece)
    written = made.write(output, audio)
    click.echo(score_table(made))
    if written.renderer:
        click.echo(f"Audio: {written.renderer}", err=True)
    if written.page:
        return click.echo(f"Wrote {len(written.files)} takes to {output}. Hear them: {written.page}")
    click.echo(f"Wrote {written.files[0]} and its picture")
