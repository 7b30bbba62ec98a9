"""Tables of what a model hears and is asked, in Markdown."""

from keras_symdiff.evaluation.markdown import cell, row

_ASKED = ("density", "register")
_FIT = {
    "chord tones, time": "chord_tone_time",
    "chord tones, onsets": "chord_tone_onsets",
    "chord tones, strong beats": "chord_tone_strong",
    "clash, time": "clash_time",
    "clash, bars": "clash_bars",
    "in key": "in_key",
}


def hearing_tables(fits: dict | None, asked: dict) -> list[str]:
    """Renders what `chord_fits` and `control` returned, blocks of Markdown."""
    blocks = ["## Fit with the harmony of held-out songs, bars 9-24 of 32"]
    if fits is None:
        blocks += ["No held-out melody has harmony beneath 32 bars without a rest."]
    else:
        head = [f"{fits['num_pieces']} pieces", *_FIT]
        lines = [row(head), row(["---"] * len(head))]
        lines += [
            row([name, *(cell(figures[part], 3) for part in _FIT.values())]) for name, figures in fits["rows"].items()
        ]
        blocks += [
            "Shares in the new bars. Decoding is unconstrained, except where a key cost is named: the nats that a note "
            "outside the key costs, the key that of the given bars and the harmony.",
            "\n".join(lines),
        ]
    blocks += [f"## What is asked and what comes, {asked['num_pieces']} pieces each"]
    lines = [row(["", "correlation", "slope"]), row(["---"] * 3)]
    lines += [row([part, cell(asked[part]["correlation"], 3), cell(asked[part]["slope"], 3)]) for part in _ASKED]
    form = asked["form"]
    return [
        *blocks,
        "\n".join(lines),
        f"Form: of phrases planned as a repeat {cell(form['planned_exact'], 3)} are exact; of pairs planned as "
        f"different {cell(form['unplanned_equal'], 4)} are equal. Plans are drawn from those of training pieces. These "
        f"pieces have a range of {cell(form['pitch_range'], 1)} semitones, leaps {cell(form['leap_rate'], 3)} and "
        f"repeats {cell(form['exact_repeat_rate'], 3)}.",
    ]
