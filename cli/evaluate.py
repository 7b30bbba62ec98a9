"""`symdiff evaluate`: the paper's tables and figures, with nulls and intervals."""

import click

from keras_symdiff.cli.options import dry_run_option, output_option, print_config, seed_option
from keras_symdiff.diffusion.sampler import MOST, QUALITIES


@click.command("evaluate")
@click.option("--run", metavar="NAME|RUN", required=True, help="The diffusion model: a preset or run directory.")
@click.option("--baseline", metavar="NAME|RUN", required=True, help="The TransformerMDN: a preset or run directory.")
@click.option("--data", metavar="DIR|FILE.npz", required=True, multiple=True, type=click.Path(exists=True),
              help="Held-out melodies: files or folders, or what `encode` wrote. Repeat for more.")  # fmt: skip
@click.option("--train", metavar="DIR|FILE.npz", multiple=True, type=click.Path(exists=True),
              help="Training melodies. Default: those that the run names, or that the preset ships.")  # fmt: skip
@click.option("-n", "--num-samples", type=click.IntRange(2, 10**6), default=1000, show_default=True,
              help="Pieces per generator; infilling makes at most one per held-out melody.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1, MOST["num_steps"]), default=None,
              help="Sampling steps of the diffusion model. Default: all, as in the paper (1000).")  # fmt: skip
@click.option("--quality", type=click.Choice(list(QUALITIES)), default=None,
              help="Sample as `sample` and `infill` do at this quality. Default: the paper's sampler.")  # fmt: skip
@output_option()
@seed_option
@dry_run_option
def evaluate_command(run, baseline, data, train, num_samples, steps, quality, output, seed, dry_run):
    """Score a diffusion model and its autoregressive baseline beside interpolation, the prior, real music and nulls.

    Writes report.json, tables.md (a summary, and the paper's Tables 1 to 3 beside its printed figures), the summary
    as CSV and LaTeX, and PNG and SVG figures. A model that knows one key is compared with music moved to C. Given
    again, the same command resumes a killed run; it encodes MIDI files again, but not the .npz files of `encode`. For
    a first look: `-n 50 --steps 100`.
    """
    if quality and steps:
        raise click.UsageError("Name one of --quality and --steps.")
    import os

    from keras_symdiff.files.read_json import read_json
    from keras_symdiff.latents.latent_transform import LatentTransform
    from keras_symdiff.presets.preset import preset_folder, read_config
    from keras_symdiff.presets.reference_pieces import REFERENCE_FILE, read_reference_pieces
    from keras_symdiff.presets.training_phrases import FILE_NAME as PHRASES_FILE

    if not train:
        record = preset_folder(run) / "training.json"
        train = read_json(record).get("paths", []) if record.exists() else []
        train = train if all(os.path.exists(path) for path in train) else []
        missing = [file for file in (REFERENCE_FILE, PHRASES_FILE) if not (preset_folder(run) / file).exists()]
        if not train and missing:
            raise click.ClickException(f"{run} ships no {missing[0]}: name its training melodies with --train")
    options = {
        "run": run, "baseline": baseline, "data": list(data), "train": list(train), "num_samples": num_samples,
        "steps": steps, "quality": quality, "seed": seed,
    }  # fmt: skip
    if dry_run:
        return print_config(options | {"output": output})
    read_config(preset_folder(baseline) / "latent_mdn")  # it and the next lines refuse before long work
    most = read_config(preset_folder(run) / "latent_diffusion").get("schedule", {}).get("num_steps", steps)
    if steps and steps > most:
        raise click.UsageError(f"{run} has {most} steps. Received: --steps {steps}")
    if LatentTransform.from_preset(baseline).get_config() != LatentTransform.from_preset(run).get_config():
        raise click.ClickException(f"{run} and {baseline} were trained on latents of different scales")

    from keras_symdiff.cli.console import announce_backend, progress_bar
    from keras_symdiff.cli.read_inputs import read_latents_of

    announce_backend()
    import keras

    from keras_symdiff import Composer, LatentMDN
    from keras_symdiff.evaluation.report import write_report
    from keras_symdiff.latents.latent_corpus import LatentCorpus
    from keras_symdiff.music.corpus import Corpus

    composer, mdn = Composer.from_preset(run), LatentMDN.from_preset(baseline)

    def read(paths):
        latents = read_latents_of(composer.vae, paths)
        return latents.in_home_key(composer.vae) if composer.one_key else latents

    held_out = read(data)  # first: a preset's own pieces take longer than to find that there is no music
    if train:
        reference = read(train)
    else:
        pieces = read_reference_pieces(preset_folder(run))
        assert pieces is not None  # looked for above
        reference = LatentCorpus.encode(composer.vae, Corpus.of_pieces(pieces))
    write_report(
        output, composer.model, mdn, composer.transform, composer.vae, reference, held_out,
        options | {"backend": keras.backend.backend()}, progress_bar(),
        training_hashes=None if train else composer.training_phrases, one_key=composer.one_key,
    )  # fmt: skip
    click.echo(f"Wrote {output}/tables.md, report.json and figures")
