"""`symdiff train-vae`: train a MusicVAE on the phrases of MIDI files."""

import click

from keras_symdiff.cli.options import Number, dry_run_option, output_option, print_config, seed_option, training_options


@click.command("train-vae")
@click.argument("paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(exists=True))
@output_option("RUN", help="Run directory.")
@click.option("--validation", metavar="DIR", type=click.Path(exists=True),
              help="Validation melodies. Default: every hundredth phrase.")  # fmt: skip
@click.option("--init-from", metavar="NAME|RUN", help="Continue from the MusicVAE of this preset or run.")
@click.option("--decoder-noise", metavar="DEVIATIONS", type=Number(0, min_open=True),
              help="Train only the decoder, on latents with noise of up to this many posterior standard deviations: "
                   "it then reads the inexact latents of a diffusion model better.")  # fmt: skip
@click.option("--size", type=click.Choice(["dense", "small", "magenta"]), show_default="dense",
              help="dense: 6.7M parameters; LSTMs: small, 2.3M, and magenta, cat-mel_2bar_big.")  # fmt: skip
@click.option("--kl-weight", type=Number(0), default=0.5, show_default=True, help="Largest weight of the KL term.")
@click.option("--kl-rate", type=Number(0, 1, max_open=True), default=0.99999, show_default=True,
              help="The weight after n steps is kl-weight * (1 - kl-rate^n).")  # fmt: skip
@click.option("--free-bits", type=Number(0), default=0.0, show_default=True, help="Free bits per phrase.")
@click.option("--token-dropout", type=Number(0, 1, max_open=True), default=0.0, show_default=True,
              help="Share of previous tokens that are hidden from the decoder.")  # fmt: skip
@click.option("--crossed", type=Number(0, 1), default=0.0, show_default=True,
              help="Share of training phrases whose end comes from another phrase.")  # fmt: skip
@training_options(batch_size=512, learning_rate=1e-3, epochs=100, steps=1000)
@seed_option
@dry_run_option
def train_vae_command(
    paths,
    output,
    validation,
    init_from,
    decoder_noise,
    size,
    crossed,
    epochs,
    steps,
    batch_size,
    learning_rate,
    precision,
    seed,
    dry_run,
    **model_options,
):
    """Train a MusicVAE on the 2-bar phrases of all melodies in DIR... (folders or MIDI files).

    Defaults are those of Magenta's cat-mel_2bar_big, except for the size, and with token dropout in place of scheduled
    sampling. The rate of dense networks decays to zero over the run. The same command resumes a killed run.
    """
    from keras_symdiff.vae.sizes import SIZES

    if init_from is not None and size is not None:
        raise click.UsageError("--size does not go with --init-from, which has its own.")
    if init_from is None and decoder_noise is not None:
        raise click.UsageError("--decoder-noise continues training: name a MusicVAE with --init-from.")
    sizes = SIZES[size or "dense"] if init_from is None else {}
    sizes = sizes | model_options | {"seed": seed, "decoder_noise": decoder_noise}
    training = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "crossed": crossed}
    training["seed"] = seed
    options = {
        "paths": list(paths),
        "validation": validation,
        "init_from": init_from,
        "model": sizes,
        "precision": precision,
        **training,
    }
    if dry_run:
        return print_config(options | {"epochs": epochs})

    from keras_symdiff.cli.console import announce_backend
    from keras_symdiff.cli.read_inputs import read_corpus_of
    from keras_symdiff.presets.preset import preset_folder, read_config

    if init_from is not None:
        read_config(preset_folder(init_from) / "music_vae")  # before long work, which a wrong preset would make vain
    corpus = read_corpus_of(paths)
    held_out = None if validation is None else read_corpus_of([validation]).distinct()[0]
    announce_backend()
    import keras

    keras.config.set_dtype_policy(precision)
    from keras_symdiff.vae.music_vae import MusicVAE
    from keras_symdiff.vae.train import split_phrases, train_vae

    train, held_out = split_phrases(corpus.distinct()[0], held_out)
    click.echo(f"{len(train)} distinct phrases to train on, {len(held_out)} held out")
    keras.utils.set_random_seed(seed)  # the initial weights
    vae = MusicVAE(**sizes) if init_from is None else MusicVAE.from_preset(init_from, **sizes)
    train_vae(vae, train, held_out, output, options, epochs=epochs, **training)
    click.echo(f"Wrote {output}")
