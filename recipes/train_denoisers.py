"""Trains denoisers of both presets at once, one process each, on one device; their TransformerMDNs and the decoder too.

    python recipes/train_denoisers.py SONGS --vae RUN -o OUTPUT --seconds 420

writes OUTPUT/NAME.tar: the trained model as a preset folder has it, its figures and log.
"""

import json
import sys
from pathlib import Path

import click
from side_by_side import run_side_by_side
from train_denoiser import VARIANTS

JOBS = [f"{preset}_{variant}" for preset in ("songs", "lakh") for variant in VARIANTS] + ["decoder"]
DEFAULT = ["songs_one_key", "songs_all_keys", "songs_wide", "lakh_one_key", "songs_mdn", "lakh_mdn", "decoder"]


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--vae", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Run of train_vae.py.")  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=420, show_default=True,
              help="Until training stops; packing takes some 20 more.")  # fmt: skip
@click.option("--job", "jobs", type=click.Choice(JOBS), multiple=True, help=f"Default: {', '.join(DEFAULT)}.")
@click.option("--batch-size", type=click.IntRange(1), default=128, show_default=True)
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), default="runs/denoisers", show_default=True)
@click.option("--rehearse", is_flag=True, help="Few steps per call: does it run?")
def main(songs, vae, output, seconds, jobs, batch_size, runs, rehearse):
    """Trains on the songs in the folder SONGS."""
    folder = Path(__file__).parent
    commands = {}
    for job in jobs or DEFAULT:
        if job == "decoder":
            # A quarter of the time is enough; its KL term is without effect.
            command = [sys.executable, str(folder / "train_vae.py"), str(songs), "--decoder-of", str(vae)]
            command += ["--seconds", str(seconds / 2), "--learning-rate", "0.001"]
            command += ["--rehearse", "--batch-size", "8"] if rehearse else []
        else:
            preset, _, variant = job.partition("_")
            command = [sys.executable, str(folder / "train_denoiser.py"), str(songs), "--vae", str(vae)]
            command += ["--preset", preset, "--variant", variant, "--seconds", str(seconds)]
            command += ["--rehearse", "--batch-size", "8"] if rehearse else ["--batch-size", str(batch_size)]
        commands[job] = [*command, "-o", str(runs / job)]

    def packed(path):
        # The encoder is the one that was given: only a newly trained decoder is packed.
        is_given_vae = path.parent.name == "music_vae" and path.parent.parent.name != "decoder"
        return path.name != "checkpoint.npz" and not is_given_vae

    run_side_by_side(commands, runs, output, seconds + 45, packed)
    for job in commands:
        path = runs / job / "result.json"
        if path.exists():
            result = json.loads(path.read_text())
            result.pop("validation", None)
            click.echo(f"{job}: {result}")


if __name__ == "__main__":
    main()
