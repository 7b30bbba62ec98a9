"""What may be asked of new music: bars, chords, key, density, range and form."""

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from keras_symdiff.cli.options import Number
from keras_symdiff.music.key_cost import KEY_COST, MOST_KEY_COST


def _check(context, parameter, value):
    """Refuses what cannot be asked for before anything else is done."""
    if value is None:
        return value
    from keras_symdiff.infilling.asked import Asked
    from keras_symdiff.music.chord_symbols import Chords

    try:
        if parameter.name == "chords" and os.path.isfile(value):
            value = str(Chords.open(value))
        if parameter.name == "density" and not value.startswith(("+", "-")):
            value = Number().convert(value, parameter, context)
        asked: dict[str, Any] = {parameter.name: value}
        Asked(**asked)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error
    return value


def check_bars(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses what are no bars."""
    from keras_symdiff.infilling.gaps import parse_bars

    try:
        for text in texts:
            parse_bars(text)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error
    return texts


def asked_options(command: Callable) -> Callable:
    """What is asked of new music; the command gets one argument, `asked`, a dict."""

    @click.option("--chords", metavar="CHORDS|FILE", callback=_check,
                  help="Chords to compose over, bars separated by |: 'C | Am F | G7 | %'. Repeated to the length "
                       "needed.")  # fmt: skip
    @click.option("--key", metavar="KEY", callback=_check, help="Key, such as 'A minor'.")
    @click.option("--density", metavar="N", callback=_check,
                  help="Onsets per bar. `infill` also takes +1 or -1: more or fewer than the given bars.")  # fmt: skip
    @click.option("--range", "pitch_range", metavar="LOW-HIGH", callback=_check,
                  help="Lowest and highest pitch: C4-C6.")  # fmt: skip
    @click.option("--form", metavar="LETTERS", callback=_check,
                  help="Form of the new bars, a letter for 8 bars (4 where 8 do not fit), ' for a variation: AABA'. "
                       "none: nothing repeats. Default: that of a real piece. `infill` also takes original: "
                       "that of the song.")  # fmt: skip
    @click.option("--key-cost", type=Number(0, MOST_KEY_COST), default=KEY_COST, show_default=True,
                  help="How much notes outside the key are avoided, in nats; 0: not at all.")  # fmt: skip
    @functools.wraps(command)
    def with_asked(chords, key, density, pitch_range, form, key_cost, **options):
        asked = {"chords": chords, "key": key, "density": density, "pitch_range": pitch_range, "form": form,
                 "key_cost": key_cost}  # fmt: skip
        click.get_current_context().params |= asked
        return command(asked=asked, **options)

    return with_asked
