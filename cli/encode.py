"""`symdiff encode`: MIDI files into latents."""

import re

import click
from click.core import ParameterSource

from keras_symdiff.cli.options import Number, check_output, dry_run_option, model_option, print_config


@click.command("encode")
@click.argument("paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("-o", "--output", metavar="FILE.npz", type=click.Path(), callback=check_output, help="Output file.")
@click.option("--publish", metavar="DIR", type=click.Path(), callback=check_output,
              help="Build the TFDS data set lmd_latents of one folder or archive in DIR, instead of -o.")  # fmt: skip
@click.option("--format", "file_format", type=click.Choice(["array_record", "tfrecord"]), default="array_record",
              show_default=True,
              help="For --publish; array_record needs no TensorFlow, tfds.load reads tfrecord.")  # fmt: skip
@click.option("--validation-share", type=Number(0, 1, max_open=True), default=0.01, show_default=True,
              help="For --publish: share of the files for validation, chosen by their hashes.")  # fmt: skip
@click.option("--parquet", is_flag=True,
              help="For --publish: also write a folder for the Hugging Face hub.")  # fmt: skip
@click.option("--transpose", type=click.IntRange(0, 11), default=0, show_default=True, metavar="N",
              help="Also encode melodies 1 to N semitones higher and lower.")  # fmt: skip
@model_option
@dry_run_option
def encode_command(paths, output, publish, file_format, validation_share, parquet, transpose, preset, dry_run):
    """Encode all melodies in DIR... (folders or MIDI files) into one .npz file.

    Encodes each distinct phrase once. `train` and `decode` read the file. --publish builds a data set for `tfds.load`
    with a card; the same command resumes a killed build.
    """
    if (output is None) == (publish is None):
        raise click.UsageError("Name one of -o FILE.npz and --publish DIR.")
    source = click.get_current_context().get_parameter_source
    names = ("parquet", "file_format", "validation_share")
    if output and any(source(name) is ParameterSource.COMMANDLINE for name in names):
        raise click.UsageError("--parquet, --format and --validation-share go with --publish.")
    if publish and (len(paths) > 1 or transpose):
        raise click.UsageError("--publish takes one folder or archive, and no --transpose.")
    if dry_run:
        return print_config(click.get_current_context().params)
    from pathlib import Path

    from keras_symdiff.cli.console import announce_backend, counted, labelled_bar
    from keras_symdiff.cli.read_inputs import read_corpus_of
    from keras_symdiff.presets.preset import preset_folder, read_config

    read_config(preset_folder(preset) / "music_vae")  # before long work, which a wrong preset would make vain
    if publish:
        return _publish(paths[0], publish, preset, file_format, validation_share, parquet)
    from keras_symdiff.latents.latent_corpus import LatentCorpus
    from keras_symdiff.music.transpose import transpose_corpus

    corpus = transpose_corpus(read_corpus_of(paths), transpose)
    announce_backend()
    from keras_symdiff.vae.music_vae import MusicVAE

    vae = MusicVAE.from_preset(preset)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    latents = LatentCorpus.encode(vae, corpus, labelled_bar("Encoding phrases"))
    latents.save(output)
    click.echo(
        f"Wrote {output}: {counted(len(corpus.names), 'melody', 'melodies')}, {counted(len(corpus.tokens), 'phrase')}, "
        f"{len(latents.mean):,} distinct, {counted(len(latents.windows()), 'piece')} of 64 bars"
    )


def _publish(source, data_dir, preset, file_format, validation_share, parquet):
    from importlib.util import find_spec
    from pathlib import Path

    from keras_symdiff.cli.console import announce_backend

    if file_format == "tfrecord" and find_spec("tensorflow") is None:
        raise click.ClickException("--format tfrecord needs TensorFlow: pip install 'keras_symdiff[tensorflow]'")
    if parquet and not all(map(find_spec, ("mlcroissant", "pyarrow"))):
        raise click.ClickException("--parquet needs the extra hub: pip install 'keras_symdiff[hub]'")
    announce_backend()
    import tensorflow_datasets as tfds

    import tfds_lmd_latents

    name = re.sub(r"\W+", "_", Path(source).resolve().name.split(".")[0]).lower()
    config = tfds_lmd_latents.LmdLatentsConfig(
        name=name, source=source, encoder=preset, validation_share=validation_share
    )
    read = {"array_record": "data_source", "tfrecord": "load"}[file_format]
    builder = tfds.builder("lmd_latents", config=config, data_dir=data_dir, file_format=file_format)
    builder.download_and_prepare()
    examples = {split: info.num_examples for split, info in builder.info.splits.items()}
    click.echo(f"Wrote {builder.data_path} ({examples}). Read it:")
    click.echo(f'  import tfds_lmd_latents; tfds.{read}("lmd_latents/{name}", split="train", data_dir="{data_dir}")')
    if parquet:
        from tfds_lmd_latents.hub_folder import write_hub_folder

        folder = write_hub_folder(builder)
        click.echo(f'Wrote {folder}. Read it:\n  datasets.load_dataset("{folder}", split="train")')
