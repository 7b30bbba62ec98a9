"""`symdiff infill`: compose bars of a song's melody anew."""

import click

from keras_symdiff.cli.asked_options import asked_options, check_bars
from keras_symdiff.cli.console import counted
from keras_symdiff.cli.options import Number, audio_option, model_option, output_option, seed_option, temperature_option
from keras_symdiff.cli.sampler_options import sampler_options


@click.command("infill")
@click.argument("midi", metavar="SONG.mid", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--bars", metavar="FIRST-LAST", multiple=True, callback=check_bars,
              help="Bars to compose, from 1, both included, or beats: 17.3-18.2. Repeat for more.")  # fmt: skip
@click.option("--continue", "continue_bars", metavar="N", type=click.IntRange(1, 4096),
              help="Compose N bars after the melody's last one; other tracks stop where they do.")  # fmt: skip
@click.option("--track", metavar="N", type=click.IntRange(1), help="The melody's track, as `inspect` numbers it.")
@click.option("--track-name", metavar="NAME", help="The melody's track by its name.")
@click.option("--keep-rhythm", is_flag=True, help="Keep the rhythm, compose new pitches.")
@click.option("--keep-pitches", is_flag=True, help="Keep the pitches, compose a new rhythm.")
@click.option("--takes", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Takes to choose from, ranked, on a page that plays them.")  # fmt: skip
@click.option("--no-harmony", is_flag=True, help="Do not hear the other tracks.")
@asked_options
@click.option("--like", metavar="TAKE.json", type=click.Path(exists=True, dir_okay=False),
              help="Start from this earlier take of the song, with another --seed than it had.")  # fmt: skip
@click.option("--variation", type=Number(0, 1, min_open=True), show_default="0.3",
              help="How far to go from the take of --like.")  # fmt: skip
@output_option()
@sampler_options
@audio_option
@temperature_option
@model_option
@seed_option
@click.option("--dry-run", is_flag=True, help="Draw which bars are kept and which composed, and stop.")
def infill_command(
    midi, bars, continue_bars, track, track_name, keep_rhythm, keep_pitches, takes, no_harmony,
    asked, like, variation, output, sampler, audio, temperature, preset, seed, dry_run,
):  # fmt: skip
    """Compose bars of SONG.mid's melody anew, fitting the bars around them.

    Replaces the notes of the melody's track that start in these bars and keeps every other event of the file. A note
    that sounds into them from before ends there. Writes the new file, a record for `replay`, and a piano roll (PNG);
    for several takes, one page (HTML) in place of the piano roll. SONG.mid may be `-`, for standard input.
    """
    if not bars and not continue_bars:
        raise click.UsageError("Name bars with --bars, or a number of bars with --continue.")
    if track and track_name is not None:
        raise click.UsageError("Name one of --track and --track-name.")
    if keep_rhythm and keep_pitches:
        raise click.UsageError("Name one of --keep-rhythm and --keep-pitches: both leave nothing to compose.")
    if variation is not None and like is None:
        raise click.UsageError("--variation goes with --like.")
    from keras_symdiff.cli.read_inputs import open_song
    from keras_symdiff.infilling.describe_hearing import describe_hearing
    from keras_symdiff.infilling.infill_request import InfillRequest
    from keras_symdiff.infilling.take_record import read_take
    from keras_symdiff.music.swing import NO_SWING

    asked |= {
        "bars": bars, "continue_bars": continue_bars or 0, "track": track, "track_name": track_name,
        "keep": "rhythm" if keep_rhythm else "pitches" if keep_pitches else None, "takes": takes, "seed": seed,
        "temperature": temperature, "harmony": not no_harmony,
    }  # fmt: skip
    asked |= {} if variation is None else {"variation": variation}
    song = open_song(midi)
    request = InfillRequest(sampler=sampler, **asked)  # it and the next lines refuse before the models load
    piece = request.find(song)
    if like is not None:
        request.varying(read_take(like, piece.song, piece.melody.track), piece)
    melody = piece.melody
    click.echo(f"Melody: {melody.name or '(no name)'} (track {melody.track + 1}), because {piece.reason}")
    click.echo(f"Composing bars {', '.join(gap.name for gap in piece.gaps)}")
    if continue_bars and len(song.tracks) > 1:
        click.echo("Only the melody goes on: the other tracks stop where they do")
    if song.grid.swing != NO_SWING:
        click.echo(f"Placing new notes as the song has them: {song.grid.swing}")
    if dry_run:
        from keras_symdiff.render.bar_picture import draw_bars

        return click.echo(draw_bars(melody, piece.gaps, piece.bar_lines))

    from keras_symdiff.cli.load_composer import load_composer

    composer, progress = load_composer(preset, sampler)
    click.echo(describe_hearing(request, piece, composer.hears))
    made = composer.infill(song, quality=sampler, like=like, progress=progress, **asked)
    written = made.write(output, audio)
    click.echo(made.table())
    if written.renderer:
        click.echo(f"Audio: {written.renderer}", err=True)
    if written.page:
        return click.echo(f"Wrote {counted(len(written.files), 'take')} to {output}. Listen: {written.page}")
    click.echo(f"Wrote {written.files[0]} and its picture")
