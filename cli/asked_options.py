"""What may be asked of new music: chords, key, density, range and form."""

import functools
import os
from collections.abc import Callable

import click

from keras_symdiff.music.key_cost import KEY_COST, MOST_KEY_COST


def _read_chords(context, parameter, text):
    """Chords as text, from a file if there is one of this name."""
    if text is None or not os.path.isfile(text):
        return text
    from keras_symdiff.music.chord_symbols import Chords

    return str(Chords.open(text))


def _read_range(context, parameter, text):
    """Two names of pitches."""
    return None if text is None else tuple(text.split("-", 1))


def asked_options(command: Callable) -> Callable:
    """What is asked of new music; the command gets one argument, `asked`, a dict."""

    @click.option(
        "--chords",
        metavar="CHORDS|FILE",
        callback=_read_chords,
        help="Chords to compose over, bars separated by |: 'C | Am F | G7 | %'. Repeated to the length needed.",
    )
    @click.option("--key", metavar="KEY", help="Key, such as 'A minor'.")
    @click.option(
        "--density",
        metavar="N",
        help="Onsets per bar; `infill` also takes +1 or -1: more or fewer than in the given bars.",
    )
    @click.option(
        "--range", "pitch_range", metavar="LOW-HIGH", callback=_read_range, help="Lowest and highest pitch: C4-C6."
    )
    @click.option(
        "--form",
        metavar="LETTERS",
        help="Form, one letter per 8 bars (or 4): AABA'. none: nothing repeats. Default: that of a real piece.",
    )
    @click.option(
        "--key-cost",
        type=click.FloatRange(0, MOST_KEY_COST),
        default=KEY_COST,
        show_default=True,
        help="Cost in nats of notes outside the key; 0 for free decoding.",
    )
    @functools.wraps(command)
    def with_asked(chords, key, density, pitch_range, form, key_cost, **options):
        if density is not None and not density.startswith(("+", "-")):
            density = click.FLOAT.convert(density, None, None)
        asked = {"chords": chords, "key": key, "density": density, "pitch_range": pitch_range, "form": form,
                 "key_cost": key_cost}  # fmt: skip
        click.get_current_context().params |= asked
        return command(asked=asked, **options)

    return with_asked
