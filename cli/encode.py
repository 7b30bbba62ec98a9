"""`symdiff encode`: MIDI files into latents."""

import click
from keras_symdiff.cli.options import model_option


@click.command("encode")
@click.argument("paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(exists=True))
@click.option(
    "-o", "--output", metavar="FILE.npz", required=True, type=click.Path(dir_okay=False), help="File to write."
)
@model_option
def encode_command(paths, output, preset):
    """Encode all melodies in DIR... (folders or MIDI files) into one .npz file.

    Each distinct phrase is encoded once. `train` and `decode` read the file.
    """
    from keras_symdiff.cli.options import announce_backend, progress_bar, read_corpus_aloud

    announce_backend()
    from keras_symdiff.latents.latent_corpus import LatentCorpus
    from keras_symdiff.vae.music_vae import MusicVAE

    vae = MusicVAE.from_preset(preset)
    corpus = read_corpus_aloud(paths)
    latents = LatentCorpus.encode(vae, corpus, progress_bar("Encoding phrases"))
    latents.save(output)
    click.echo(
        f"Wrote {output}: {len(corpus.names)} melodies, {len(corpus.tokens)} phrases, {len(latents.mean)} distinct, "
        f"{len(latents.windows())} pieces of 64 bars"
    )
