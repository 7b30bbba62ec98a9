import itertools

from keras_symdiff.evaluation.summary import summary_csv, summary_latex
from keras_symdiff.evaluation.tables import PAPER, nulls_not_beaten, tables

KINDS = ("consistency", "variance", "overlap_mean", "overlap_variance", "overlap_distance")
STATISTICS = (
    "exact_repeat_rate", "out_of_key_rate", "note_density", "pitch_range", "leap_rate", "mean_pitch",
    "silent_bar_rate", "empty_frames",
    "training_phrase_rate",
)  # fmt: skip


def scores(value, half_width=0.01, latent=True):
    """What `score` returns, all figures equal."""
    figure = {"value": value, "low": value and value - half_width, "high": value and value + half_width}
    part = {feature: dict.fromkeys(KINDS, figure) for feature in ("pitch", "duration")}
    result = dict.fromkeys(("exact", "exact_by_piece", "paper", "seam", "region"), part)
    result |= {"num_pieces": 9, "statistics": dict.fromkeys(STATISTICS, figure)}
    if latent:
        result["latent"] = dict.fromkeys(("frechet_distance", "mmd_polynomial", "mmd_rbf"), figure)
    return result


def report(**nulls):
    rows = {"Train data": scores(1.0), "Test data": scores(0.97), "Diffusion": scores(0.8)}
    rows |= {f"Null: {name}": one for name, one in nulls.items()}
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    agreement = dict.fromkeys(("position_f1", "pitch_accuracy", "rhythm_accuracy"), figure)
    return {
        "settings": {"seed": 0, "data": ["a", "b"]},
        "unconditional": rows,
        "infilling": rows,
        "scoreboard": {"num_pieces": 7, "rows": {"Diffusion": agreement}},
    }


def test_a_null_is_beaten_only_where_the_intervals_do_not_touch():
    nulls = {"lower": scores(0.7), "near": scores(0.785), "higher": scores(0.9), "silence": scores(None)}
    lines = nulls_not_beaten(report(**nulls))
    assert [line.split(":")[0] for line in lines] == [
        f"- {task}, {name}"
        for task, name in itertools.product(["Unconditional", "Infilling"], ["near", "higher", "silence"])
    ]
    assert "Pitch C 0.80 >= 0.79" in lines[0]
    assert "seam Duration Var 0.80 < 0.90" in lines[1]
    assert "no notes" in lines[2]


def test_tables_hold_all_rows_and_what_the_paper_printed():
    text = tables(report(loop=scores(0.7, latent=False)))
    assert text.count("| Diffusion (9) | 0.80 [0.79, 0.81] | 0.80 [0.79, 0.81] |") == 8
    assert "| Diffusion (9) | 0.8000 [0.7900, 0.8100] |" in text
    for task, place in itertools.product(PAPER, range(3)):
        assert f"| {PAPER[task]['Diffusion'][place]} |" in text
    assert "| Null: loop (9) | 0.70 [0.69, 0.71] |" in text
    assert "| Null: loop (9) | 0.7000" not in text  # no latents, no row
    assert "- data: a, b" in text
    widths = {}
    for line in text.splitlines():
        if line.startswith("|"):
            widths.setdefault(line.count("|"), line)
    assert len(widths) <= 6, widths


def test_the_summary_comes_first_in_three_forms():
    one = report(loop=scores(0.7, latent=False))
    text = tables(one)
    assert text.index("## Summary") < text.index("## Table 1")
    assert "| New pieces: Diffusion | 0.80 | 0.80 | 0.80 | 0.80 | 0.800 | 0.800 | 0.800 | 0.8 |" in text
    assert "| Infills: Diffusion | 0.80 [0.79, 0.81] |" in text
    assert "unconditional,Diffusion,Pitch C,0.8,0.79,0.81" in summary_csv(one)
    assert "scoreboard,Diffusion,position_f1,0.5,0.4,0.6" in summary_csv(one)
    latex = summary_latex(one)
    assert "Diffusion & 0.80 & 0.80 & 0.80 & 0.80 & 0.800 & 0.800 & 0.800 & 0.8 \\\\" in latex
    assert latex.count("&") == 8 * (1 + 2 * 3)
