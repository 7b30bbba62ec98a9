"""`symdiff evaluate`: the paper's tables and figures, with nulls and intervals."""

import click

from keras_symdiff.cli.options import dry_run_option, print_config, seed_option
from keras_symdiff.diffusion.sampler import QUALITIES


@click.command("evaluate")
@click.option("--run", metavar="NAME|RUN", required=True, help="The diffusion model: a preset or run directory.")
@click.option("--baseline", metavar="NAME|RUN", required=True, help="The TransformerMDN: a preset or run directory.")
@click.option("--data", metavar="DIR|FILE.npz", required=True, multiple=True, type=click.Path(exists=True),
              help="Held-out melodies: files or folders, or what `encode` wrote.")  # fmt: skip
@click.option("--train", metavar="DIR|FILE.npz", multiple=True, type=click.Path(exists=True),
              help="The melodies that were trained on. Default: those that the run directory names.")  # fmt: skip
@click.option("-n", "--num-samples", type=click.IntRange(2), default=1000, show_default=True,
              help="Pieces a generator; infilling makes at most one of each held-out melody.")  # fmt: skip
@click.option("--steps", type=click.IntRange(1), default=None,
              help="Reverse steps of the diffusion model. Default: all, as the paper has it (1000).")  # fmt: skip
@click.option("--quality", type=click.Choice(list(QUALITIES)), default=None,
              help="Sample as `sample` and `infill` do at this quality, instead of the paper's way.")  # fmt: skip
@click.option("-o", "--output", metavar="DIR", required=True, type=click.Path(file_okay=False), help="Folder to write.")
@seed_option
@dry_run_option
def evaluate_command(run, baseline, data, train, num_samples, steps, quality, output, seed, dry_run):
    """Score a diffusion model and its autoregressive baseline beside interpolation, the prior, real music and nulls.

    Writes report.json, tables.md (the paper's Tables 1 to 3, its figures beside ours) and PNG figures. The same command
    again goes on where a killed one stopped; melodies are encoded anew each time, unless they come from `encode`. A
    first look: `-n 50 --steps 100`.
    """
    if quality and steps:
        raise click.UsageError("--quality brings its own --steps: give one of them")
    import json
    import os

    from keras_symdiff.presets.preset import preset_folder

    if not train:
        record = preset_folder(run) / "training.json"
        train = json.loads(record.read_text(encoding="utf-8")).get("paths", []) if record.exists() else []
        if not train or not all(os.path.exists(path) for path in train):
            raise click.ClickException(f"{run} does not say what it was trained on, or it is not there: use --train")
    options = {
        "run": run, "baseline": baseline, "data": list(data), "train": list(train), "num_samples": num_samples,
        "steps": steps, "quality": quality, "seed": seed,
    }  # fmt: skip
    if dry_run:
        return print_config(options | {"output": output})

    from keras_symdiff.cli.aloud import announce_backend, progress_bar, read_latents_aloud

    announce_backend()
    import keras

    from keras_symdiff import LatentDiffusion, LatentMDN, LatentTransform, MusicVAE
    from keras_symdiff.evaluation.report import write_report

    model, mdn, vae = LatentDiffusion.from_preset(run), LatentMDN.from_preset(baseline), MusicVAE.from_preset(run)
    transform = LatentTransform.from_preset(run)
    if LatentTransform.from_preset(baseline).get_config() != transform.get_config():
        raise click.ClickException(f"{run} and {baseline} were trained on latents of different scales")
    write_report(
        output, model, mdn, transform, vae, read_latents_aloud(vae, train), read_latents_aloud(vae, data),
        options | {"backend": keras.backend.backend()},
        lambda label, *done: progress_bar(label)(*done),
    )  # fmt: skip
    click.echo(f"Wrote {output}/tables.md, report.json and figures")
