"""`symdiff infill`: compose bars of a tune anew, between its own."""

import click

from keras_symdiff.cli.options import (
    audio_option,
    dry_run_option,
    model_option,
    print_config,
    seed_option,
    temperature_option,
)


@click.command("infill")
@click.argument("midi", metavar="SONG.mid", type=click.Path(exists=True, dir_okay=False))
@click.option("--bars", metavar="FIRST-LAST", required=True, help="Bars to compose, from 1, both included.")
@click.option("-o", "--output", metavar="DIR", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@audio_option
@temperature_option
@model_option
@seed_option
@dry_run_option
def infill_command(midi, bars, output, audio, temperature, preset, seed, dry_run):
    """Compose bars of SONG.mid's melody anew, fitting the bars around them.

    Whole 2-bar phrases of the melody's track are replaced, counted from the melody's first bar; other bars and other
    tracks stay. Writes the file with its new bars and a piano roll (PNG) that frames them.
    """
    if dry_run:
        return print_config(click.get_current_context().params)
    import dataclasses
    from pathlib import Path

    from keras_symdiff.music.gap import find_gap, parse_bars
    from keras_symdiff.music.midi import choose_melody, read_melodies, read_score

    first_bar, last_bar = parse_bars(bars)
    score, (melody, reason) = read_score(midi), choose_melody(read_melodies(midi))
    gap = find_gap(melody, first_bar, last_bar, midi)
    click.echo(f"Melody: {melody.name or '(no name)'} (track {melody.track + 1}), because {reason}")
    widened = (gap.first_bar, gap.last_bar) != (first_bar, last_bar)
    click.echo(f"Composing bars {gap.first_bar}-{gap.last_bar}{', in whole phrases of two bars' if widened else ''}")

    from keras_symdiff.cli.options import announce_backend, progress_bar

    announce_backend()
    from keras_symdiff.diffusion.compose import compose_gap
    from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
    from keras_symdiff.latents.latent_transform import LatentTransform
    from keras_symdiff.music.audio import write_audio
    from keras_symdiff.music.piano_roll import plot_piano_roll
    from keras_symdiff.music.splice import splice_melody
    from keras_symdiff.vae.music_vae import MusicVAE

    model, transform = LatentDiffusion.from_preset(preset), LatentTransform.from_preset(preset)
    vae = MusicVAE.from_preset(preset)
    click.echo(f"Weights: {model.weights_origin}", err=True)
    Path(output).mkdir(parents=True, exist_ok=True)
    phrases = compose_gap(model, transform, vae, melody, gap, temperature, seed, progress_bar("Sampling"))
    filled = melody.replace_phrases(gap.first_phrase, phrases)
    path = Path(output) / f"{Path(midi).stem}_bars{gap.first_bar}-{gap.last_bar}_{seed}.mid"
    splice_melody(score, filled, gap.first_step, gap.end_step, path)
    before, after = (dataclasses.replace(line, name=name) for line, name in ((melody, "before"), (filled, "after")))
    plot_piano_roll(
        [before, after],
        path.with_suffix(".png"),
        (gap.first_bar, gap.last_bar),
        f"{Path(midi).name}, bars {gap.first_bar}-{gap.last_bar}, seed {seed}",
    )
    if audio:
        click.echo(f"Audio: {write_audio(path, path.with_suffix('.wav'))}", err=True)
    click.echo(f"Wrote {path} and its picture")
