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
@click.option("-o", "--output", metavar="DIR", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@sampler_options
@audio_option
@temperature_option
@model_option
@seed_option
@click.option("--dry-run", is_flag=True, help="Show what would be kept and what composed, and stop.")
def infill_command(
    midi, bars, continue_bars, track, track_name, keep_rhythm, keep_pitches,
    output, sampler, audio, temperature, preset, seed, dry_run,
):  # fmt: skip
    """Compose bars of SONG.mid's melody anew, fitting the bars around them.

    The notes of the melody's track that start in these bars are replaced; every other event of the file stays. A note
    that sounds into them from before is cut there. Writes the file with its new bars and a piano roll (PNG) that
    frames them.
    """
    if not bars and not continue_bars:
        raise click.UsageError("Name bars with --bars, or how many to go on for with --continue")
    if track and track_name is not None:
        raise click.UsageError("Name one of --track and --track-name")
    if keep_rhythm and keep_pitches:
        raise click.UsageError("Name one of --keep-rhythm and --keep-pitches: both leave nothing to compose")
    import dataclasses
    from pathlib import Path

    from keras_symdiff.music import lock
    from keras_symdiff.music.bar_picture import draw_bars
    from keras_symdiff.music.gap import find_gaps, parse_bars
    from keras_symdiff.music.midi import choose_melody, read_melodies, read_score, ticks_to_steps

    ranges = [parse_bars(text) for text in bars]
    score, melodies = read_score(midi), read_melodies(midi)
    melody, reason = choose_melody(melodies, track, track_name)
    num_steps = ticks_to_steps(score.end(), score.tpq)
    gaps = find_gaps(melody, ranges, num_steps, midi, continue_bars or 0)
    names = [gap.name for gap in gaps]
    click.echo(f"Melody: {melody.name or '(no name)'} (track {melody.track + 1}), because {reason}")
    click.echo(f"Composing bars {', '.join(names)}")
    if dry_run:
        return click.echo(draw_bars(melody, gaps, num_steps))

    from keras_symdiff.cli.options import announce_backend, progress_bar

    announce_backend()
    from keras_symdiff.diffusion.compose import compose_gaps
    from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
    from keras_symdiff.latents.latent_transform import LatentTransform
    from keras_symdiff.music.audio import write_audio
    from keras_symdiff.music.piano_roll import plot_piano_roll
    from keras_symdiff.music.splice import splice_melody
    from keras_symdiff.vae.music_vae import MusicVAE

    model, transform = LatentDiffusion.from_preset(preset), LatentTransform.from_preset(preset)
    vae = MusicVAE.from_preset(preset)
    click.echo(f"Weights: {model.weights_origin}", err=True)
    (filled,) = compose_gaps(model, transform, vae, melody, gaps, temperature, seed, progress_bar("Sampling"), sampler)
    for gap in gaps if keep_rhythm or keep_pitches else ():
        filled = (lock.keep_rhythm if keep_rhythm else lock.keep_pitches)(melody, filled, gap)
    Path(output).mkdir(parents=True, exist_ok=True)
    path = Path(output) / f"{Path(midi).stem}_bars{'_'.join(names)}_{seed}.mid"
    stretches = [(gap.first_step, gap.end_step) for gap in gaps]
    splice_melody(midi, filled, stretches, path)
    before, after = (dataclasses.replace(line, name=name) for line, name in ((melody, "before"), (filled, "after")))
    title = f"{Path(midi).name}, bars {', '.join(names)}, seed {seed}"
    plot_piano_roll([before, after], path.with_suffix(".png"), stretches, title)
    if audio:
        click.echo(f"Audio: {write_audio(path, path.with_suffix('.wav'))}", err=True)
    click.echo(f"Wrote {path} and its picture")
