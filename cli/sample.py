"""`symdiff sample`: compose new melodies."""

import click

from keras_symdiff.cli.asked_options import asked_options
from keras_symdiff.cli.console import counted
from keras_symdiff.cli.options import (
    audio_option,
    dry_run_option,
    model_option,
    output_option,
    print_config,
    seed_option,
    temperature_option,
)
from keras_symdiff.cli.sampler_options import sampler_options


@click.command("sample")
@click.option(
    "-n", "--num-samples", type=click.IntRange(1, 10**6), default=4, show_default=True, help="Number of melodies."
)
@click.option("--first-piece", type=click.IntRange(0, (1 << 32) - 1), default=0, show_default=True, metavar="N",
              help="Number of the first melody, to make one set in several shares.")  # fmt: skip
@click.option("--bars", type=click.IntRange(4, 512), default=64, show_default=True, help="Length of each melody.")
@asked_options
@output_option(metavar="DIR|FILE.npz", help="Output folder, or one file of tokens.")
@sampler_options
@audio_option
@temperature_option
@model_option
@seed_option
@dry_run_option
def sample_command(num_samples, first_piece, bars, asked, output, sampler, audio, temperature, preset, seed, dry_run):
    """Compose melodies: a MIDI file and a piano roll (PNG) each, or the tokens of all in one .npz file.

    With --chords, the MIDI file has the chords on a second track. Memory does not depend on -n. The same command
    resumes a killed one that writes an .npz file.

    A run of the autoregressive baseline (`train --model mdn`) samples too; it takes no --quality, --sampler or --steps.
    """
    if audio and output.endswith(".npz"):
        raise click.UsageError("--audio is for MIDI files, not for -o FILE.npz.")
    import dataclasses
    from pathlib import Path

    from keras_symdiff.constants import BARS_PER_PHRASE, PIECE_PHRASES
    from keras_symdiff.infilling.asked import Asked
    from keras_symdiff.noise_streams import PIECES_PER_WINDOW

    wanted = Asked(**asked)
    wanted.check_new(bars)
    if bars > PIECE_PHRASES * BARS_PER_PHRASE and first_piece + num_samples > PIECES_PER_WINDOW:
        raise click.UsageError(f"A seed has {PIECES_PER_WINDOW:,} melodies of more than 64 bars: name another --seed.")
    if dry_run:
        return print_config(click.get_current_context().params)
    from keras_symdiff.cli.load_composer import load_composer

    composer, progress = load_composer(preset, sampler, bars)
    from keras_symdiff.compose_many import MELODIES_AT_ONCE, compose_many
    from keras_symdiff.music.midi import write_midi
    from keras_symdiff.render.audio import write_audio
    from keras_symdiff.render.piano_roll import plot_piano_roll

    options = {"seed": seed, "quality": sampler, "bars": bars, "temperature": temperature, **asked}
    if output.endswith(".npz"):
        compose_many(composer, output, num_samples, first_piece, progress=progress, **options)
        return click.echo(f"Wrote {counted(num_samples, 'melody', 'melodies')} to {output}")
    Path(output).mkdir(parents=True, exist_ok=True)
    renderers, end = set(), first_piece + num_samples
    chords, key = None, wanted.parsed_key
    if composer.hears:  # else it ignores chords
        chords, key = wanted.parsed_chords, wanted.key_of_new(-(-bars // BARS_PER_PHRASE))
    kind = "New melody" if chords is None else "New melody over chords"
    for first in range(first_piece, end, MELODIES_AT_ONCE):
        count = min(MELODIES_AT_ONCE, end - first)
        for number, melody in enumerate(
            composer.compose(count, first_melody=first, progress=progress, **options), first
        ):
            path = Path(output) / f"sample_{seed}_{number:03d}.mid"
            melody = dataclasses.replace(melody, name=path.stem)
            write_midi(melody, path, chords, key)
            title = f"{kind}: {Path(preset).name}, seed {seed}, number {number}"
            plot_piano_roll(melody, path.with_suffix(".png"), title=title, chords=chords)
            if audio:
                renderers.add(write_audio(path, path.with_suffix(".wav")))
            progress("Writing", number - first_piece + 1, num_samples)
    for renderer in sorted(renderers):
        click.echo(f"Audio: {renderer}", err=True)
    click.echo(f"Wrote {counted(num_samples, 'melody', 'melodies')} to {output}")
