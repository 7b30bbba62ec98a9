"""The paper's tables in Markdown, ours beside the paper's figures."""

from typing import Any

from keras_symdiff.evaluation.hearing_tables import hearing_tables
from keras_symdiff.evaluation.markdown import cell, row
from keras_symdiff.evaluation.score import FEATURES
from keras_symdiff.evaluation.scoreboard import scoreboard_table
from keras_symdiff.evaluation.summary import summary

# Tables 1 to 3 of the paper as printed, on its own data (Lakh): consistency and variance of pitch, of duration; mean
# and variance of pitch overlap, of duration overlap; "FDx10^-2" and "MMDx10^-2".
PAPER = {
    "unconditional": {
        "Train data": ("1.00 / 1.00 / 1.00 / 1.00", "0.82 / 0.018 / 0.88 / 0.012", "0.00 / 0.00"),
        "Test data": ("1.00 / 0.96 / 1.00 / 0.91", "0.82 / 0.018 / 0.88 / 0.011", "1.24 / 0.12"),
        "Diffusion": ("0.99 / 0.90 / 0.96 / 0.92", "0.81 / 0.017 / 0.85 / 0.013", "1.66 / 0.18"),
        "Autoregression": ("0.93 / 0.68 / 0.93 / 0.76", "0.76 / 0.024 / 0.82 / 0.015", "1.26 / 0.12"),
        "Interpolation": ("0.85 / 0.23 / 0.91 / 0.34", "0.94 / 0.004 / 0.96 / 0.004", "3.22 / 0.43"),
        "N(0, I) prior": ("0.84 / 0.19 / 0.90 / 0.67", "0.69 / 0.033 / 0.79 / 0.016", "2.44 / 0.29"),
    },
    "infilling": {
        "Train data": ("1.00 / 1.00 / 1.00 / 1.00", "0.82 / 0.018 / 0.88 / 0.012", "0.00 / 0.00"),
        "Test data": ("1.00 / 0.96 / 1.00 / 0.91", "0.82 / 0.018 / 0.88 / 0.011", "1.24 / 0.12"),
        "Diffusion": ("0.97 / 0.87 / 0.97 / 0.80", "0.80 / 0.021 / 0.86 / 0.015", "1.53 / 0.16"),
        "Interpolation": ("0.94 / 0.78 / 0.96 / 0.80", "0.87 / 0.014 / 0.91 / 0.009", "1.97 / 0.23"),
        "N(0, I) prior": ("0.89 / 0.19 / 0.94 / 0.54", "0.73 / 0.033 / 0.82 / 0.018", "1.17 / 0.12"),
    },
}
_TASKS = ("unconditional", "infilling")
_SIMILARITY = {
    f"{feature.capitalize()} {label}": (feature, name)
    for feature in FEATURES
    for label, name in (("C", "consistency"), ("Var", "variance"))
}
_OVERLAP = {
    f"{feature.capitalize()} {label}": (feature, name)
    for feature in FEATURES
    for label, name in (("mean", "overlap_mean"), ("variance", "overlap_variance"))
}
_DISTANCE = {feature.capitalize(): (feature, "overlap_distance") for feature in FEATURES}
_LATENT = {"Frechet distance": ("frechet_distance",), "MMD, polynomial": ("mmd_polynomial",), "MMD, RBF": ("mmd_rbf",)}
_STATISTICS = {
    "Exact repeats (share of phrases)": ("exact_repeat_rate",),
    "Copies of training phrases, any key (share)": ("training_phrase_rate",),
    "Empty frames (share)": ("empty_frames",),
    "Out of key (share of onsets)": ("out_of_key_rate",),
    "Onsets per bar": ("note_density",),
    "Range (semitones)": ("pitch_range",),
    "Leaps over an octave (share)": ("leap_rate",),
    "Mean pitch (MIDI)": ("mean_pitch",),
    "Silent bars (share)": ("silent_bar_rate",),
}


def tables(report: dict[str, Any]) -> str:
    """Renders a report.

    Args:
        report: dict that `write_report` wrote as JSON.

    Returns:
        str, Markdown.
    """
    blocks = [
        "# Evaluation",
        *summary(report),
        "## Settings",
        "\n".join(f"- {name.replace('_', ' ')}: {_plain(value)}" for name, value in report["settings"].items()),
        "C is consistency, Var variance of framewise self-similarity relative to the training music (equation 10 of "
        "the paper): 1 is equal to it. `exact`: correct overlap of the frames' Gaussians, a variance of at least one "
        "quantisation cell, frames without a note left out. In brackets 95 % intervals by resampling pieces, those of "
        "the training music too, widened to hold the value where chance only leads away from 1. The last column is "
        "what the paper prints for its own models and data, in the order of the columns.",
        "Rows: interpolation goes from a held-out piece's first to its last phrase, in infilling between the phrases "
        "beside the gap; autoregression infills from the past alone, which the paper leaves out; the decoded test data "
        "are what the MusicVAE makes of real music, the most that any model of its latents can reach. The number of "
        "pieces stands in parentheses. Infilling: bars 17-48 of the held-out pieces are new, the others their own.",
    ]
    for task in _TASKS:
        blocks += [f"## Table 1, {task}: `exact`", _table(report, task, "exact", _SIMILARITY, 2, paper=0)]
    for task in _TASKS:
        blocks += [f"## Distance between the distributions of overlaps, {task}: `exact`"]
        blocks += [
            "1-Wasserstein distance to the training music's, 0 if equal. C and Var look at mean and variance apart: "
            "overlaps that are all too low but scatter like those of real music have a perfect Var.",
            _table(report, task, "exact", _DISTANCE, 3),
        ]
    blocks += ["## Infilling, across the edges of the gap only", _table(report, "infilling", "seam", _SIMILARITY, 2)]
    blocks += ["## Infilling, inside the gap only", _table(report, "infilling", "region", _SIMILARITY, 2)]
    blocks += ["## Nulls that the diffusion model does not beat"]
    blocks += [
        "Of framewise self-similarity, in which alone the nulls are scored. A figure is beaten if the model's is higher"
        " and the intervals do not touch.",
        "\n".join(nulls_not_beaten(report)) or "None.",
    ]
    for task in _TASKS:
        blocks += [f"## The music itself, {task}", _table(report, task, "statistics", _STATISTICS, 3)]
    for task in _TASKS:
        blocks += [f"## Table 1, {task}: moments within each piece, `exact`"]
        blocks += [_table(report, task, "exact_by_piece", _SIMILARITY, 2)]
    for task in _TASKS:
        blocks += [f"## Table 2, {task}: mean and variance of the overlapping area, `exact`"]
        blocks += [_table(report, task, "exact", _OVERLAP, 3)]
    for task in _TASKS:
        blocks += [f"## Tables 1 and 2, {task}: the released formula, `paper`"]
        blocks += [
            "For comparison with the printed figures only: this overlap is about 1 for any two equal variances.",
            _table(report, task, "paper", _SIMILARITY, 2, paper=0),
            _table(report, task, "paper", _OVERLAP, 3, paper=1),
        ]
    for task in _TASKS:
        blocks += [f"## Table 3, {task}: latent space"]
        blocks += [
            "Of scaled latents, not whitened; every phrase is one observation, in infilling the given ones too. "
            "Kernels: (x . y)^2, the paper's; exp(-|x - y|^2 / 2 m^2), m the median distance. Of each set as many "
            f"pieces as there are test data ({report[task]['Test data']['num_pieces']}): fewer give larger distances. "
            'The paper prints "FDx10^-2" and "MMDx10^-2"; how it pooled them is not known: compare the order only.',
            _table(report, task, "latent", _LATENT, 4, paper=2),
        ]
    blocks += ["## Outside scoreboard: bars 7-10 of 16", scoreboard_table(report["scoreboard"])]
    if report.get("control"):
        blocks += hearing_tables(report["chord_fit"], report["control"])
    return "\n\n".join(blocks) + "\n"


def nulls_not_beaten(report: dict[str, Any]) -> list[str]:
    """A line for each null that the diffusion model does not beat, with the figures in which it does not.

    Args:
        report: dict, see `tables`.

    Returns:
        List of str, Markdown items.
    """
    lines = []
    for task in _TASKS:
        model = report[task]["Diffusion"]
        for name, null in report[task].items():
            parts = [part for part in ("exact", "seam", "region") if part in model] if name.startswith("Null") else []
            figures = []
            for part in parts:
                for label, (feature, kind) in _SIMILARITY.items():
                    ours, theirs = model[part][feature][kind], null[part][feature][kind]
                    if None not in (ours["low"], theirs["high"]) and ours["low"] <= theirs["high"]:
                        sign = "<" if ours["value"] < theirs["value"] else ">="
                        where = "" if part == "exact" else f"{part} "
                        figures.append(f"{where}{label} {ours['value']:.2f} {sign} {theirs['value']:.2f}")
            if parts and null["exact"]["pitch"]["consistency"]["value"] is None:
                lines.append(f"- {task.capitalize()}, {name.removeprefix('Null: ')}: no notes, no figures.")
            if figures:
                lines.append(f"- {task.capitalize()}, {name.removeprefix('Null: ')}: {', '.join(figures)}.")
    return lines


def _table(report, task, part, columns, digits, paper=None):
    """One part of the scores in `columns` (label: keys); `paper` is the place of the printed figures in `PAPER`."""
    head = ["", *columns] + ["paper"] * (paper is not None)
    lines = [row(head), row(["---"] * len(head))]
    for name, scores in report[task].items():
        if part not in scores:
            continue
        cells = [f"{name} ({scores['num_pieces']})"]
        for keys in columns.values():
            figure = scores[part]
            for key in keys:
                figure = figure[key]
            cells.append(cell(figure, digits))
        if paper is not None:
            cells.append(PAPER[task].get(name, [""] * 3)[paper])
        lines.append(row(cells))
    return "\n".join(lines)


def _plain(setting):
    if isinstance(setting, dict):
        return "; ".join(f"{name}: {value}" for name, value in setting.items())
    return ", ".join(map(str, setting)) if isinstance(setting, list) else setting
