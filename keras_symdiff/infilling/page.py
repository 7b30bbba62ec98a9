"""One HTML page on which takes are seen, heard and compared, without a network."""

import dataclasses
import html
import json
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_symdiff import constants
from keras_symdiff.diffusion.sampler import QUALITIES
from keras_symdiff.music.song import Song

_EN_DASH = "\u2013"
_TEMPLATE = Path(__file__).parent / "page.html"
_SHOWN_BARS = 4  # kept bars on either side of the gaps
_LEAD_IN_BARS = 2  # kept bars that are played before the first gap
_MOST_NOTES = 20_000  # of other tracks, half a megabyte; beyond that the melody's track sounds alone


class PageTake(NamedTuple):
    """A take as the page shows it: its title, MIDI file, scores (dict of str to float or None), and command."""

    title: str
    path: Path
    scores: dict
    command: str


def takes_page(takes, shown):
    """Makes a self-contained page: a piano roll and a player for the piece as it was and for each take.

    Notes are embedded from four bars before the first gap to four bars after the last one, of all tracks, in steps
    with the file's tempo map; the page draws and synthesises them. It asks the network for nothing.

    Args:
        takes: `Takes`.
        shown: list of `PageTake`, best first.

    Returns:
        str of HTML.
    """
    request, piece = takes.request, takes.piece
    gaps = [(gap.first_step, gap.end_step) for gap in piece.gaps]
    lines = piece.melody.grid.bar_lines(max(piece.num_steps, piece.melody.num_steps, gaps[-1][1]))
    first = int(lines[max(0, np.searchsorted(lines, gaps[0][0], side="right") - 1 - _SHOWN_BARS)])
    end = int(lines[min(len(lines) - 1, np.searchsorted(lines, gaps[-1][1]) + _SHOWN_BARS)])
    play_from = int(lines[max(0, np.searchsorted(lines, gaps[0][0], side="right") - 1 - _LEAD_IN_BARS)])

    original = Song.open(request.midi)
    notes = [_notes(song, first, end) for song in (original, *(Song.open(take.path) for take in shown))]
    shared = set.intersection(*map(set, notes))
    own = [[note for note in part if note not in shared] for part in notes]
    shared = sorted(shared, key=lambda note: note[1])
    if len(shared) > _MOST_NOTES:
        shared = [note for note in shared if note[0] == piece.melody.track]
    pitches = [note[3] for part in (shared, *own) for note in part if note[0] == piece.melody.track] or [60, 72]

    names = ", ".join(gap.name for gap in piece.gaps)
    title = f"{piece.melody.name or Path(request.midi).stem}, bars {names.replace('-', _EN_DASH)}"
    data = {
        "title": title,
        "summary": _summary(takes, len(shown)),
        "settings": _settings(takes, names),
        "command": infill_command(request, takes.preset, shown[0].path.parent),
        "first": first,
        "end": end,
        "playFrom": max(first, play_from),
        "gaps": gaps,
        "bars": [(int(line), number) for number, line in enumerate(lines, 1) if first <= line <= end],
        "tempo": _tempo_map(original),
        "melody": piece.melody.track,
        "drums": [index for index, track in enumerate(original.tracks) if track.is_drum],
        "low": min(pitches),
        "high": max(pitches),
        "shared": shared,
        "takes": [{"title": "As it was", "notes": own[0]}]
        + [
            {
                "title": take.title,
                "notes": notes,
                "scores": take.scores,
                "command": take.command,
                "file": take.path.name,
            }
            for take, notes in zip(shown, own[1:], strict=True)
        ],
    }
    # `<` must not end the script element, nor begin another one.
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = _TEMPLATE.read_text(encoding="utf-8")
    return page.replace("__TITLE__", html.escape(title)).replace("__DATA__", embedded)


def infill_command(request, preset, folder):
    """Returns the command line by which `preset`, a `LoadedPreset`, makes all takes of a request.

    A sampler that is no quality's, with other steps or the same, stands by name; its other arguments have no option.
    """
    words = ["symdiff", "infill", request.midi]
    for bars in request.bars:
        words += ["--bars", bars]
    words += ["--continue", request.continue_bars] if request.continue_bars else []
    words += ["--track", request.track] if request.track else []
    words += [f"--keep-{request.keep}"] if request.keep else []
    words += ["--takes", request.num_takes, "--seed", request.seed]
    sampler = _sampler(request, preset)
    steps = sampler.num_steps
    equal = [name for name, quality in QUALITIES.items() if quality == sampler]
    like = [name for name, quality in QUALITIES.items() if dataclasses.replace(quality, num_steps=steps) == sampler]
    words += ["--quality", (equal or like)[0]] if like else ["--sampler", sampler.name]
    words += [] if equal else ["--steps", steps]
    words += ["--temperature", request.temperature, "--preset", preset.name, "-o", folder]
    return shlex.join(map(str, words))


def _sampler(request, preset):
    """The request's sampler, with a number of steps where it has left that to the schedule."""
    steps = request.sampler.num_steps or preset.model.schedule.num_steps
    return dataclasses.replace(request.sampler, num_steps=steps)


def _summary(takes, count):
    left_out = len(takes.twins)
    twins = f", {left_out} near-duplicate{'s' * (left_out > 1)} left out" if left_out else ""
    return f"{count} take{'s' * (count > 1)} to choose from, best first{twins}. Every other bar is as it was."


def _settings(takes, names):
    """Pairs of a name and a value."""
    request, melody = takes.request, takes.piece.melody
    sampler = _sampler(request, takes.preset)
    how = [sampler.name, f"{sampler.num_steps} steps"]
    how += [f"noise x {sampler.noise_scale:g}"] if sampler.noise_scale != 1 else []
    how += [f"guidance {sampler.guidance:g}"] if sampler.guidance else []
    settings = {
        "File": Path(request.midi).name,
        "Track": f"{melody.track + 1} {melody.name}".strip(),
        "New bars": names,
        "Kept of them": request.keep or "nothing",
        "Model": Path(takes.preset.name).name,
        "Seed": request.seed,
        "Sampler": ", ".join(how),
        "Temperature": f"{request.temperature:g}",
    }
    return [(name, str(value)) for name, value in settings.items()]


def _notes(song, first, end):
    """Notes of a file that start in a stretch of steps: (track, start, length, pitch, velocity), by start."""
    notes = []
    for track in song.tracks:
        starts = _exact_steps(song, track.notes.start)
        lengths = (_exact_steps(song, track.notes.end) - starts).round(2)
        chosen = (starts >= first - 0.5) & (starts < end)  # a performance may be early
        columns = (starts.round(2), lengths, track.notes.pitch, track.notes.velocity)
        notes += [(track.index, *note) for note in zip(*(column[chosen].tolist() for column in columns), strict=True)]
    return sorted(notes, key=lambda note: note[1])


def _exact_steps(song, ticks):
    """Steps of ticks with their fractions."""
    steps = song.grid.steps(ticks)
    return steps + (ticks - song.grid.ticks(steps)) * constants.STEPS_PER_QUARTER / song.ticks_per_quarter


def _tempo_map(song):
    """Rows (step, second at it, seconds a step from there on)."""
    ticks = np.unique(np.append(0, song.tempos.ticks))
    seconds = song.seconds(ticks)
    per_step = (song.seconds(ticks + 1) - seconds) * song.ticks_per_quarter / constants.STEPS_PER_QUARTER
    columns = (_exact_steps(song, ticks).round(4), seconds.round(5), per_step.round(7))
    return list(zip(*(column.tolist() for column in columns), strict=True))
