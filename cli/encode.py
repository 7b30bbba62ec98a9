"""`symdiff encode`: MIDI files into latents."""

import click

from keras_symdiff.cli.options import dry_run_option, model_option, print_config


@click.command("encode")
@click.argument("paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "-o", "--output", metavar="FILE.npz", required=True, type=click.Path(dir_okay=False), help="File to write."
)
@click.option("--transpose", type=click.IntRange(0, 11), default=0, show_default=True, metavar="SEMITONES",
              help="Also encode every melody transposed by up to so many semitones, up and down.")  # fmt: skip
@model_option
@dry_run_option
def encode_command(paths, output, transpose, preset, dry_run):
    """Encode all melodies in DIR... (folders or MIDI files) into one .npz file.

    Each distinct phrase is encoded once. `train` and `decode` read the file.
    """
    if dry_run:
        return print_config(click.get_current_context().params)
    from pathlib import Path

    from keras_symdiff.cli.options import announce_backend, progress_bar, read_corpus_aloud

    if not output.endswith(".npz"):
        raise click.BadParameter(f"{output} does not end in .npz", param_hint="-o")
    announce_backend()
    from keras_symdiff.latents.latent_corpus import LatentCorpus
    from keras_symdiff.vae.music_vae import MusicVAE
    from keras_symdiff.vae.transpose import transpose_corpus

    vae = MusicVAE.from_preset(preset)
    corpus = transpose_corpus(read_corpus_aloud(paths), transpose)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    latents = LatentCorpus.encode(vae, corpus, progress_bar("Encoding phrases"))
    latents.save(output)
    click.echo(
        f"Wrote {output}: {len(corpus.names)} melodies, {len(corpus.tokens)} phrases, {len(latents.mean)} distinct, "
        f"{len(latents.windows())} pieces of 64 bars"
    )
