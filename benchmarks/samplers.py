"""Measures what few steps cost: quality and time of each sampler against its number of steps.

    python benchmarks/samplers.py lakh_small --train lmd64/train_melody --data lmd64/validation_melody -o DIR

Prints a row of a Markdown table as soon as it is measured, and at the end writes the table (samplers.md) and a picture
(samplers.png) into DIR. Every row is kept there in samplers.jsonl; the same command again goes on where it stopped. The
row "real music" compares held-out music with the training music, in as many pieces: what a perfect model would reach.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE, infill, sample
from keras_symdiff.diffusion.sampler import SAMPLERS, Sampler
from keras_symdiff.evaluation.generators import keep_mask
from keras_symdiff.evaluation.real_pieces import Pieces, real_pieces
from keras_symdiff.evaluation.score import Reference, score
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus

STEPS = (5, 10, 20, 50, 100, 1000)
COLUMNS = {  # of the table and of samplers.jsonl
    "pitch consistency": ("exact", "pitch", "consistency"),
    "pitch variance": ("exact", "pitch", "variance"),
    "duration consistency": ("exact", "duration", "consistency"),
    "duration variance": ("exact", "duration", "variance"),
    "exact repeats": ("statistics", "exact_repeat_rate"),
    "Frechet distance": ("latent", "frechet_distance"),
    "seam pitch consistency": ("seam", "pitch", "consistency"),
    "seam duration consistency": ("seam", "duration", "consistency"),
    "gap pitch consistency": ("region", "pitch", "consistency"),
    "gap duration consistency": ("region", "duration", "consistency"),
}
KEY = ("sampler", "steps", "resamplings", "noise_scale", "guidance")
SECONDS = "s a piece"
REAL = "real music"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="preset or run directory")
    parser.add_argument("--train", required=True, nargs="+", help="the melodies that were trained on")
    parser.add_argument("--data", required=True, nargs="+", help="held-out melodies")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder to write")
    parser.add_argument("-n", "--pieces", type=int, default=256, help="pieces a row (default %(default)s)")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="default %(default)s")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=SAMPLERS, help="default all")
    parser.add_argument("--resamplings", type=int, nargs="+", default=[1], help="times a step is taken (default 1)")
    parser.add_argument(
        "--noise-scales", type=float, nargs="+", default=[1.0], help="of dpm-solver-sde (default %(default)s)"
    )
    parser.add_argument("--guidances", type=float, nargs="+", default=[0.0], help="default %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(options, name) for name in ("run", "train", "data", "pieces", "seed")}
    samplers = [
        Sampler(name, steps, resamplings=resamplings, noise_scale=noise_scale, guidance=guidance)
        for steps in sorted(options.steps)
        for name in options.samplers
        for resamplings in options.resamplings
        for noise_scale in (options.noise_scales if name == "dpm-solver-sde" else [1.0])
        for guidance in options.guidances
        if resamplings == 1 or name != "ancestral"
    ]
    measure(samplers, options.output / "samplers.jsonl", settings)
    rows = read_rows(options.output / "samplers.jsonl", settings)
    (options.output / "samplers.md").write_text("\n".join([*header(), *map(line, rows)]) + "\n", encoding="utf-8")
    draw(rows, options.output / "samplers.png")


def measure(samplers, path, settings):
    """Prints the rows of `samplers` and appends those that `path` does not hold to it."""
    model, transform = LatentDiffusion.from_preset(settings["run"]), LatentTransform.from_preset(settings["run"])
    vae, mask, seed = MusicVAE.from_preset(settings["run"]), keep_mask(32), settings["seed"]
    held_out = real_pieces(LatentCorpus.encode(vae, read_corpus(settings["data"])), transform, settings["pieces"], seed)
    number = len(held_out.tokens)
    train = LatentCorpus.encode(vae, read_corpus(settings["train"]))
    reference = Reference(real_pieces(train, transform, 1000, seed), train.corpus.tokens, number)
    kept = np.tile(mask, (number, 1))
    batch = -(-number // -(-number // 32))  # what `sample` makes of `number` pieces

    def make(sampler):
        """Decoded new pieces, decoded infills of bars 17 to 48, and the seconds that sampling a new one took."""
        sample(model, batch, seed, sampler=sampler)  # compiles
        start = time.perf_counter()
        scaled = sample(model, number, seed, sampler=sampler)  # (N, 32, D)
        seconds = (time.perf_counter() - start) / number
        filled = infill(model, held_out.scaled, kept, seed, sampler=sampler)[:, ~mask]  # (N, 16, D)
        tokens = held_out.tokens.copy()
        tokens[:, ~mask] = decode(filled)
        return Pieces(scaled, decode(scaled)), Pieces(None, tokens), seconds

    def decode(scaled):
        return vae.decode(transform.inverse(scaled).reshape(-1, vae.latent_dim)).reshape(*scaled.shape[:2], -1)

    print("\n".join(header()), flush=True)
    known = {tuple(row[part] for part in KEY): row for row in read_rows(path, settings)}
    for sampler in [None, *samplers]:
        key = (REAL, 0, 1, 1.0, 0.0)
        if sampler is not None:
            key = (sampler.name, sampler.num_steps, *(getattr(sampler, part) for part in KEY[2:]))
        if key not in known:
            pieces, infills, seconds = (held_out, held_out, None) if sampler is None else make(sampler)
            of_infills = score(infills, reference, mask)
            scores = score(pieces, reference) | {part: of_infills[part] for part in ("seam", "region")}
            known[key] = dict(zip(KEY, key, strict=True)) | settings
            known[key] |= {name: pick(scores, path) for name, path in COLUMNS.items()} | {SECONDS: seconds}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(known[key]) + "\n")
        print(line(known[key]), flush=True)


def pick(scores, path):
    for name in path:
        scores = scores[name]
    return scores  # a dict of value, low and high


def read_rows(path, settings):
    """The rows that were measured with these settings; others are left alone."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    settings = json.loads(json.dumps(settings))
    return [row for row in map(json.loads, lines) if settings.items() <= row.items()]


def header():
    names = ["sampler", "steps", *COLUMNS, SECONDS]
    return ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]


def line(row):
    cells = [label(row), row["steps"] or ""]
    for name in COLUMNS:
        value, low, high = (np.nan if row[name][end] is None else row[name][end] for end in ("value", "low", "high"))
        cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
    return "| " + " | ".join([*map(str, cells), "" if row[SECONDS] is None else f"{row[SECONDS]:.4f}"]) + " |"


def label(row):
    times = f", each {row['resamplings']} times" if row["resamplings"] > 1 else ""
    noise = f", noise x {row['noise_scale']:g}" if row["noise_scale"] != 1 else ""
    return row["sampler"] + times + noise + (f", guidance {row['guidance']:g}" if row["guidance"] else "")


def draw(rows, path):
    """Draws each column against the steps; grey is the 95 % interval of real music."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 10), layout="constrained")
    *panels, left_over = figure.subplots(3, 4).ravel()
    left_over.set_axis_off()
    curves = {}
    for row in rows:
        curves.setdefault(label(row), []).append(row)
    for axes, name in zip(panels, [*COLUMNS, SECONDS], strict=True):
        for curve, points in curves.items():
            points = sorted(points, key=lambda row: row["steps"])
            if curve == REAL:
                if name in COLUMNS:
                    axes.axhspan(points[0][name]["low"], points[0][name]["high"], color="0.9", label=REAL)
                continue
            steps = [row["steps"] for row in points]
            values = [row[name]["value"] if name in COLUMNS else row[name] for row in points]
            axes.plot(steps, values, marker="o", markersize=3, label=curve)
        axes.set(title=name, xlabel="steps", xscale="log")
        if name == SECONDS or "Frechet" in name:
            axes.set_yscale("log")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize="small")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
