"""`symdiff train`: train a diffusion model on melodies."""

import click

from keras_symdiff.cli.options import Number, dry_run_option, output_option, print_config, seed_option, training_options


@click.command("train")
@click.argument("paths", metavar="DIR...|FILE.npz...", nargs=-1, required=True, type=click.Path(exists=True))
@output_option("RUN", help="Run directory.")
@click.option("--vae", metavar="NAME|RUN", help="The MusicVAE that encodes: a preset or run directory.")
@click.option("--init-from", metavar="NAME|RUN", help="Fine-tune this preset or run, with its MusicVAE and scaling.")
@click.option("--validation", metavar="DIR|FILE.npz", type=click.Path(exists=True),
              help="Validation melodies. Default: a twentieth of the files.")  # fmt: skip
@click.option("--model", type=click.Choice(["diffusion", "mdn"]), default="diffusion", show_default=True,
              help="mdn: TransformerMDN, the paper's autoregressive baseline.")  # fmt: skip
@click.option("--size", type=click.Choice(["small", "paper"]), show_default="paper",
              help="paper: 25.6M parameters (mdn: 38M); small: 4.6M (mdn: 4.9M).")  # fmt: skip
@click.option("--threshold", type=Number(0, min_open=True), show_default="1.0",
              help="Keep latent dimensions with a mean posterior standard deviation below this.")  # fmt: skip
@click.option("--step-power", type=Number(1), show_default="1.0",
              help="Above 1: more training at low noise levels. 2 suits small diffusion models.")  # fmt: skip
@click.option("--given-share", type=Number(0, 1), show_default="0.0",
              help="Share of training pieces with given phrases, for better infilling; the paper has 0.")  # fmt: skip
@click.option("--ema-momentum", type=Number(0, 1, max_open=True), default=0.9999, show_default=True,
              help="Momentum of the moving average of the weights, which samples come from.")  # fmt: skip
@click.option("--conditions", is_flag=True, help="Train to hear the other tracks and take chords, density and form.")
@training_options(batch_size=None, learning_rate=None, epochs=125, steps=4000)
@seed_option
@dry_run_option
def train_command(paths, output, vae, init_from, validation, model, size, threshold, step_power, given_share,
                  conditions, precision, epochs, dry_run, **training):  # fmt: skip
    """Train a model on the 64-bar pieces of all melodies in DIR... (folders, MIDI files), or on .npz files of `encode`.

    Defaults are the paper's: 500,000 steps of 64 pieces, at a learning rate of 0.001 that falls by 2 % per epoch; for
    --model mdn 128 pieces and 0.0003, of which the paper takes --epochs 63. --init-from begins with a tenth of the
    rate. The same command resumes a killed run. `sample` and `infill` take RUN as their --preset. A first try on a few
    hundred pieces: `--epochs 5 --steps 200 --ema-momentum 0.99`.
    """
    from keras_symdiff.models.sizes import BATCH_SIZES, RATES, SIZES

    own = {"--vae": vae, "--size": size, "--threshold": threshold, "--step-power": step_power,
           "--conditions": conditions}  # fmt: skip
    if init_from is None and vae is None:
        raise click.UsageError("Name one of --vae and --init-from.")
    if init_from is not None and (named := [option for option, value in own.items() if value]):
        raise click.UsageError(f"{named[0]} does not go with --init-from, which has its own.")
    if model == "mdn" and (step_power is not None or given_share is not None or conditions):
        raise click.UsageError("--step-power, --given-share and --conditions are for diffusion models.")
    diffusion = {} if given_share is None else {"given_share": given_share}
    if init_from is None:
        size, threshold = SIZES[model][size or "paper"], threshold or 1.0
        diffusion = {"step_power": step_power or 1.0, "given_share": given_share or 0.0} if model == "diffusion" else {}
    training["batch_size"] = training["batch_size"] or BATCH_SIZES[model]
    training["learning_rate"] = training["learning_rate"] or RATES[model] / (10 if init_from else 1)
    options = {"paths": list(paths), "validation": validation, "vae": vae, "init_from": init_from, "model": model,
               "size": size, "threshold": threshold, "precision": precision, **diffusion, **training}  # fmt: skip
    options |= {"conditions": True} if conditions else {}
    if dry_run:
        return print_config(options | {"epochs": epochs})

    from keras_symdiff.cli.console import announce_backend
    from keras_symdiff.cli.read_inputs import read_pieces_of, read_songs_of
    from keras_symdiff.presets.preset import preset_folder, read_config

    read_config(preset_folder(str(vae or init_from)) / "music_vae")  # before long work, as what follows of presets
    announce_backend(processes=True)
    import keras
    import numpy as np

    from keras_symdiff import LatentDiffusion, LatentMDN, LatentTransform, MusicVAE, TransformerDenoiser, TransformerMDN
    from keras_symdiff.latents.training_music import write_training_music
    from keras_symdiff.music.condition import CONDITION_DIM
    from keras_symdiff.training.train_latent_model import train_latent_model

    wrapper, network = {"diffusion": (LatentDiffusion, TransformerDenoiser), "mdn": (LatentMDN, TransformerMDN)}[model]
    vae = MusicVAE.from_preset(str(vae or init_from))
    if init_from is not None:
        denoiser = read_config(preset_folder(init_from) / wrapper.preset_part).get("denoiser", {})
        conditions = denoiser.get("condition_dim") is not None
    told = None
    if conditions:
        latents, train, held_out, told = read_songs_of(vae, paths, validation)
    else:
        latents, train, held_out = read_pieces_of(vae, paths, validation)
    phrases = np.unique(train[train >= 0])
    new = latents.mean[phrases], latents.stddev[phrases], threshold
    transform = LatentTransform.from_preset(init_from) if init_from else LatentTransform.fit(*new)
    click.echo(f"{transform.num_kept_dims} of {vae.latent_dim} latent dimensions kept")
    keras.config.set_dtype_policy(precision)  # after encoding, which stays in float32

    def make_model():
        if init_from is None:
            sizes = size | ({"condition_dim": CONDITION_DIM} if conditions else {})
            return wrapper(network(channels=transform.num_kept_dims, **sizes), seed=training["seed"], **diffusion)
        return wrapper.from_preset(init_from, seed=training["seed"], **diffusion)

    scaled, held_out = (transform.forward(means).astype("float32") for means in (latents.mean, held_out))
    held_out = (held_out, told[1]) if told else held_out
    folder = train_latent_model(make_model, scaled, train, held_out, transform, vae, output, options, epochs,
                                conditions=told[0].conditions if told else None, **training)  # fmt: skip
    if told:
        told[0].save_forms(folder, latents)
    write_training_music(folder, latents, phrases, init_from)
    click.echo(f"Wrote {output}")
