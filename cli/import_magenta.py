"""`symdiff import-magenta`: a checkpoint of Magenta's MusicVAE into a preset folder."""

import click

from keras_symdiff.cli.options import output_option


@click.command("import-magenta")
@click.argument("checkpoint", metavar="CHECKPOINT", type=click.Path())
@output_option()
def import_magenta_command(checkpoint, output):
    """Turn CHECKPOINT, the prefix of a TF1 checkpoint or a .tar that holds one, into a folder for `--preset`.

    Needs TensorFlow, but not Magenta. Reads any sizes of the `cat-mel_2bar_big` graph.
    """
    from keras_symdiff.cli.console import announce_backend

    announce_backend()
    from keras_symdiff.vae.music_vae import MusicVAE

    vae = MusicVAE.from_magenta_checkpoint(checkpoint)
    vae.save_preset(output)
    click.echo(
        f"Wrote {output}: latent {vae.latent_dim}, encoder {vae.encoder_units}, decoder {list(vae.decoder_units)}, "
        f"{vae.count_params():,} parameters"
    )
