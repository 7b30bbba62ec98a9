"""`symdiff sample`: compose new melodies."""

import click

from keras_symdiff.cli.options import (
    audio_option,
    dry_run_option,
    model_option,
    print_config,
    sampler_options,
    seed_option,
    temperature_option,
)


@click.command("sample")
@click.option("-n", "--num-samples", type=click.IntRange(1), default=4, show_default=True, help="How many pieces.")
@click.option("-o", "--output", metavar="DIR", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@sampler_options
@audio_option
@temperature_option
@model_option
@seed_option
@dry_run_option
def sample_command(num_samples, output, sampler, audio, temperature, preset, seed, dry_run):
    """Compose melodies of 64 bars; writes a MIDI file and a piano roll (PNG) each.

    A run of the autoregressive baseline (`train --model mdn`) samples too; it knows no quality and no steps.
    """
    if dry_run:
        return print_config(click.get_current_context().params)
    from pathlib import Path

    from keras_symdiff.cli.aloud import announce_backend, progress_bar

    announce_backend()
    import numpy as np

    from keras_symdiff.autoregressive.continue_pieces import continue_pieces
    from keras_symdiff.autoregressive.latent_mdn import LatentMDN
    from keras_symdiff.diffusion.generate import sample
    from keras_symdiff.diffusion.latent_diffusion import LatentDiffusion
    from keras_symdiff.latents.latent_transform import LatentTransform
    from keras_symdiff.music.melody import Melody
    from keras_symdiff.music.midi import write_midi
    from keras_symdiff.presets.preset import preset_folder
    from keras_symdiff.render.audio import write_audio
    from keras_symdiff.render.piano_roll import plot_piano_roll
    from keras_symdiff.vae.music_vae import MusicVAE

    folder = preset_folder(preset)
    is_mdn = (folder / "latent_mdn").is_dir() and not (folder / "latent_diffusion").is_dir()
    source = click.get_current_context().get_parameter_source
    if is_mdn and any(source(name).name == "COMMANDLINE" for name in ("quality", "sampler", "steps")):
        raise click.UsageError(f"--quality, --sampler and --steps are for diffusion models, which {preset} is not")
    model = (LatentMDN if is_mdn else LatentDiffusion).from_preset(preset)
    transform = LatentTransform.from_preset(preset)
    vae = MusicVAE.from_preset(preset)
    click.echo(f"Weights: {model.weights_origin}", err=True)
    Path(output).mkdir(parents=True, exist_ok=True)
    report = progress_bar("Sampling")
    if is_mdn:
        nothing_given = np.zeros((num_samples, 0, transform.num_kept_dims))
        scaled = continue_pieces(model, nothing_given, seed, progress=report)  # (N, 32, D)
    else:
        scaled = sample(model, num_samples, seed, progress=report, sampler=sampler)  # (N, 32, D)
    latents = transform.inverse(scaled).reshape(-1, vae.latent_dim)
    pieces = vae.decode(latents, temperature, seed, progress_bar("Decoding"))
    pieces = pieces.reshape(num_samples, scaled.shape[1], -1)  # (N, 32, 32)
    report, renderers = progress_bar("Writing"), set()
    for i, phrases in enumerate(pieces):
        name = f"sample_{seed}_{i:03d}"
        melody = Melody.from_phrases(phrases, name=name)
        write_midi(melody, Path(output) / f"{name}.mid")
        plot_piano_roll(melody, Path(output) / f"{name}.png", title=f"{Path(preset).name}, seed {seed}, piece {i}")
        if audio:
            renderers.add(write_audio(Path(output) / f"{name}.mid", Path(output) / f"{name}.wav"))
        report(i + 1, num_samples)
    for renderer in sorted(renderers):
        click.echo(f"Audio: {renderer}", err=True)
    click.echo(f"Wrote {num_samples} pieces to {output}")
