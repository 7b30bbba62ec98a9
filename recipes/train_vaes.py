"""Trains several MusicVAEs to choose from at once, one process each, on one device.

    python recipes/train_vaes.py SONGS -o OUTPUT --seconds 200

writes OUTPUT/NETWORK.tar (the trained model as a preset folder has it, its figures and log) and OUTPUT/vaes.md.
"""

import json
import sys
from pathlib import Path

import click
from side_by_side import run_side_by_side
from train_vae import NETWORKS

COLUMNS = ["parameters", "steps", "steps_per_second", "kl_nats", "kept_dims_at_0.9", "phrases", "token_accuracy",
           "onset_accuracy", "exact_phrases", "exact_two_deviations_off"]  # fmt: skip


def table(results):
    """A Markdown table of the figures of each network."""
    lines = ["| network | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, result in results.items():
        cells = [result.get(column, "") for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(f"{c:.4g}" if isinstance(c, float) else str(c) for c in cells) + " |")
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=200, show_default=True,
              help="Until training stops; measuring and packing take some 40 more.")  # fmt: skip
@click.option("--network", "networks", type=click.Choice(list(NETWORKS)), multiple=True, help="Default: all.")
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), default="runs/vaes", show_default=True)
@click.option("--rehearse", is_flag=True, help="Tiny networks: does it run?")
def main(songs, output, seconds, networks, runs, rehearse):
    """Trains MusicVAEs on the songs in the folder SONGS."""
    script = str(Path(__file__).with_name("train_vae.py"))
    commands = {}
    for network in networks or NETWORKS:
        command = [sys.executable, script, str(songs), "-o", str(runs / network), "--network", network]
        command += ["--seconds", str(seconds), *(["--rehearse", "--batch-size", "64"] if rehearse else [])]
        commands[network] = command
    run_side_by_side(commands, runs, output, seconds + 90, lambda path: path.name != "checkpoint.npz")
    results = {
        name: json.loads((runs / name / "result.json").read_text())
        for name in commands
        if (runs / name / "result.json").exists()
    }
    (output / "vaes.md").write_text(table(results))
    click.echo(table(results))


if __name__ == "__main__":
    main()
