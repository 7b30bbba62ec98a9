"""`symdiff decode`: latents into MIDI files."""

import click

from keras_symdiff.cli.options import (
    dry_run_option,
    model_option,
    output_option,
    print_config,
    seed_option,
    temperature_option,
)


@click.command("decode")
@click.argument("latents", metavar="FILE.npz", type=click.Path(exists=True, dir_okay=False))
@output_option()
@temperature_option
@model_option
@dry_run_option
@seed_option
def decode_command(latents, output, temperature, preset, seed, dry_run):
    """Decode the melodies of FILE.npz, which `encode` wrote, into one MIDI file each, at 120 quarters per minute."""
    if dry_run:
        return print_config(click.get_current_context().params)
    from pathlib import Path

    if not latents.endswith(".npz"):
        raise click.BadParameter(f"{latents} is not a .npz file that `symdiff encode` wrote", param_hint="FILE.npz")
    from keras_symdiff.cli.console import announce_backend, counted, labelled_bar
    from keras_symdiff.cli.read_inputs import check_encoder
    from keras_symdiff.latents.latent_corpus import LatentCorpus

    encoded = LatentCorpus.load(latents)
    announce_backend()
    from keras_symdiff.files.fit_name import fit_name
    from keras_symdiff.music.melody import Melody
    from keras_symdiff.music.midi import write_midi
    from keras_symdiff.vae.music_vae import MusicVAE

    vae = MusicVAE.from_preset(preset)
    check_encoder(encoded, latents, vae)
    Path(output).mkdir(parents=True, exist_ok=True)
    tokens = vae.decode(encoded.mean, temperature, seed, labelled_bar("Decoding phrases"))[encoded.inverse]
    corpus, report = encoded.corpus, labelled_bar("Writing MIDI files")
    for m, name in enumerate(corpus.names):
        path, _, track = name.rpartition("#")
        phrases = tokens[corpus.offsets[m] : corpus.offsets[m + 1]]
        stem = fit_name(f"{m:05d}_{Path(path).stem}", ".mid")
        write_midi(Melody.from_phrases(phrases, name=track), Path(output) / f"{stem}.mid")
        report(m + 1, len(corpus.names))
    click.echo(f"Wrote {counted(len(corpus.names), 'file')} to {output}")
