"""What a reader takes in at a glance: one table, in Markdown, CSV and LaTeX."""

import csv
import io

from keras_symdiff.evaluation.markdown import cell, row

_TASKS = {"unconditional": "New pieces", "infilling": "Infills"}
_ROWS = (
    "Train data",
    "Test data",
    "Diffusion",
    "Diffusion, as composed",
    "Autoregression",
    "Interpolation",
    "N(0, I) prior",
)
# Label: keys of the figure and its digits.
_COLUMNS = {
    "Pitch C": (("exact", "pitch", "consistency"), 2),
    "Pitch Var": (("exact", "pitch", "variance"), 2),
    "Duration C": (("exact", "duration", "consistency"), 2),
    "Duration Var": (("exact", "duration", "variance"), 2),
    "Repeats": (("statistics", "exact_repeat_rate"), 3),
    "Out of key": (("statistics", "out_of_key_rate"), 3),
    "Leaps": (("statistics", "leap_rate"), 3),
    "Range": (("statistics", "pitch_range"), 1),
}


def summary(report: dict) -> list[str]:
    """Renders the summary of a report as blocks of Markdown: values alone, then with their intervals.

    Args:
        report: dict that `write_report` wrote as JSON.

    Returns:
        List of str.
    """
    head = ["", *_COLUMNS]
    tables = {}
    for with_interval in (False, True):
        lines = [row(head), row(["---"] * len(head))]
        for task, title in _TASKS.items():
            for name, figures in _figures(report, task):
                cells = [
                    cell(found, digits) if with_interval else _plain(found, digits)
                    for found, (_, digits) in zip(figures, _COLUMNS.values(), strict=True)
                ]
                lines.append(row([f"{title}: {name}", *cells]))
        tables[with_interval] = "\n".join(lines)
    return ["## Summary", tables[False], *_sentences(report), "With 95 % intervals:", tables[True]]


def summary_csv(report: dict) -> str:
    """The summary as CSV, a line per figure: task, generator, figure, value, low, high."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "generator", "figure", "value", "low", "high"])
    for task in _TASKS:
        for name, figures in _figures(report, task):
            for label, found in zip(_COLUMNS, figures, strict=True):
                writer.writerow([task, name, label, *(found[end] for end in ("value", "low", "high"))])
    for name, figures in report["scoreboard"]["rows"].items():
        for label, found in figures.items():
            writer.writerow(["scoreboard", name, label, *(found[end] for end in ("value", "low", "high"))])
    return text.getvalue()


def summary_latex(report: dict) -> str:
    """The summary as a LaTeX table for the package booktabs."""
    lines = [f"\\begin{{tabular}}{{l{'r' * len(_COLUMNS)}}}", "\\toprule", _latex_row(["", *_COLUMNS])]
    for task, title in _TASKS.items():
        lines += ["\\midrule", f"\\multicolumn{{{len(_COLUMNS) + 1}}}{{l}}{{{title}}} \\\\"]
        for name, figures in _figures(report, task):
            cells = [_plain(found, digits) for found, (_, digits) in zip(figures, _COLUMNS.values(), strict=True)]
            lines.append(_latex_row([name, *cells]))
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def _figures(report, task):
    """Pairs of a generator and its figures, in the order of the columns."""
    for name in _ROWS:
        if name in report[task]:
            figures = []
            for keys, _ in _COLUMNS.values():
                found = report[task][name]
                for key in keys:
                    found = found[key]
                figures.append(found)
            yield name, figures


def _sentences(report):
    board = {
        name: " / ".join(_plain(found, 3) for found in figures.values())
        for name, figures in report["scoreboard"]["rows"].items()
    }
    nulls = [
        (figures["pitch_accuracy"]["value"] or 0, name)
        for name, figures in report["scoreboard"]["rows"].items()
        if name.startswith("Null")
    ]
    lines = [f"- Bars 7-10 of 16, position F1 / pitch / rhythm accuracy: {board['Diffusion']}"]
    if nulls:
        best = max(nulls)[1]
        lines[0] += f"; {best.removeprefix('Null: ')}: {board[best]}"
    if report.get("chord_fit"):
        rows = report["chord_fit"]["rows"]
        shares = [f"{name.lower()} {_plain(figures['chord_tone_time'], 3)}" for name, figures in rows.items()]
        lines.append(f"- Melody time on a chord tone: {', '.join(shares)}")
    if report.get("control"):
        asked = report["control"]
        lines.append(
            f"- Asked against got, correlation: density {_plain(asked['density']['correlation'], 3)}, register "
            f"{_plain(asked['register']['correlation'], 3)}; planned repeats that are exact "
            f"{_plain(asked['form']['planned_exact'], 3)}"
        )
    return ["\n".join(lines)]


def _plain(found, digits):
    return "-" if found["value"] is None else f"{found['value']:.{digits}f}"


def _latex_row(cells):
    return " & ".join(cells) + " \\\\"
