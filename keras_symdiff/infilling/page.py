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
from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.ranking import SCORE_NAMES, TakeScores
from keras_symdiff.infilling.take import Take
from keras_symdiff.music.key_cost import KEY_COST
from keras_symdiff.music.song import Song

_EN_DASH = "\u2013"
_TEMPLATE = Path(__file__).parent / "page.html"
_SHOWN_BARS = 4  # kept bars on either side of the gaps
_LEAD_IN_BARS = 2  # kept bars that are played before the first gap
_MARGIN = 19  # semitones around the melody in which other tracks are drawn
_MOST_NOTES = 20_000  # of other tracks, half a megabyte; beyond that the melody's track sounds alone


class PageTake(NamedTuple):
    """A take as the page shows it.

    Args:
        take: `Take`.
        file: name of its file.
        scores: its scores, `None` where unknown.
        again: the command that makes it again.
        more: the command that makes takes like it.
    """

    take: Take
    file: str
    scores: dict[str, float | None]
    again: str
    more: str


def takes_page(
    request: InfillRequest,
    preset: LoadedPreset,
    original: TakeScores,
    shown: list[PageTake],
    num_left_out: int,
    midi: Path,
    folder: Path,
) -> str:
    """Makes a self-contained page: a piano roll and a player for the piece as it was and for each take.

    Notes are embedded from four bars before the first gap to four bars after the last one, of all tracks, in steps
    with the file's tempo map; the page draws and synthesises them. It asks the network for nothing.

    Args:
        request: `InfillRequest`.
        preset: the loaded preset that composed.
        original: scores of the bars as they were.
        shown: takes, best first.
        num_left_out: near-duplicates that are not among them.
        midi: path of the song's file.
        folder: where the takes are.

    Returns:
        The HTML.
    """
    piece = shown[0].take.piece
    gaps = [(gap.first_step, gap.end_step) for gap in piece.gaps]
    lines = piece.bar_lines
    first = int(lines[max(0, np.searchsorted(lines, gaps[0][0], side="right") - 1 - _SHOWN_BARS)])
    end = int(lines[min(len(lines) - 1, np.searchsorted(lines, gaps[-1][1]) + _SHOWN_BARS)])
    play_from = int(lines[max(0, np.searchsorted(lines, gaps[0][0], side="right") - 1 - _LEAD_IN_BARS)])

    songs = (piece.song, *(Song.open(page_take.take.midi) for page_take in shown))
    notes = [_notes(song, first, end) for song in songs]
    shared = set.intersection(*map(set, notes))
    own = [[note for note in part if note not in shared] for part in notes]
    shared = sorted(shared, key=lambda note: note[1])
    if len(shared) > _MOST_NOTES:
        shared = [note for note in shared if note[0] == piece.melody.track]
    pitches = [note[3] for part in (shared, *own) for note in part if note[0] == piece.melody.track] or [60, 72]
    drums = [track.index for track in piece.song.tracks if track.is_drum]
    others = [note[3] for note in shared if note[0] not in (piece.melody.track, *drums)] or pitches
    lowest, highest = min(pitches) - _MARGIN, max(pitches) + _MARGIN  # of what is drawn of other tracks

    names = ", ".join(gap.name for gap in piece.gaps)
    title = f"{piece.melody.name or readable_name(midi.stem)}, bars {names.replace('-', _EN_DASH)}"
    data = {
        "title": title,
        "summary": _summary(len(shown), num_left_out),
        "settings": _settings(request, preset, piece, midi, names),
        "command": "" if request.like else infill_command(request, preset, midi, folder),
        "first": first,
        "end": end,
        "playFrom": max(first, play_from),
        "gaps": gaps,
        "bars": [(int(line), number) for number, line in enumerate(lines, 1) if first <= line <= end],
        "tempo": _tempo_map(piece.song),
        "melody": piece.melody.track,
        "drums": drums,
        "low": min(min(pitches), max(lowest, min(others))),
        "high": max(max(pitches), min(highest, max(others))),
        "shared": shared,
        "scoreNames": SCORE_NAMES,
        "takes": [{"title": "As it was", "notes": own[0], "scores": original.as_json()}]
        + [
            {
                "title": f"Take {page_take.take.number}",
                "notes": notes,
                "scores": page_take.scores,
                "again": page_take.again,
                "more": page_take.more,
                "file": page_take.file,
            }
            for page_take, notes in zip(shown, own[1:], strict=True)
        ],
    }
    # `<` must not end the script element, nor begin another one.
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = _TEMPLATE.read_text(encoding="utf-8")
    return page.replace("__TITLE__", html.escape(title)).replace("__DATA__", embedded)


def infill_command(request: InfillRequest, preset: LoadedPreset, midi: Path, folder: Path) -> str:
    """Returns the command line that makes all takes of a request again.

    A sampler that is no quality's, with other steps or the same, stands by name; its other arguments have no option.
    """
    words = ["symdiff", "infill", midi]
    for bars in request.bars:
        words += ["--bars", bars]
    words += ["--continue", request.continue_bars] if request.continue_bars else []
    words += ["--track", request.track] if request.track else []
    words += [f"--keep-{request.keep}"] if request.keep else []
    words += [] if request.harmony else ["--no-harmony"]
    for option in ("chords", "key", "density", "form"):
        value = getattr(request, option)
        words += [] if value is None else [f"--{option}={value}"]  # `=`: a density may begin with a minus
    words += ["--range", "-".join(request.pitch_range)] if request.pitch_range else []
    words += ["--key-cost", request.key_cost] if request.key_cost != KEY_COST else []
    words += ["--takes", request.takes, "--seed", request.seed]
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


def _summary(count, left_out):
    twins = f", {left_out} near-duplicate{'s' * (left_out > 1)} left out" if left_out else ""
    return f"{count} take{'s' * (count > 1)} to choose from, best first{twins}. Every other bar is as it was."


def _settings(request, preset, piece, midi, names):
    """Pairs of a name and a value."""
    melody = piece.melody
    sampler = _sampler(request, preset)
    how = [sampler.name, f"{sampler.num_steps} steps"]
    how += [f"noise x {sampler.noise_scale:g}"] if sampler.noise_scale != 1 else []
    how += [f"guidance {sampler.guidance:g}"] if sampler.guidance else []
    how += [f"harmony x {sampler.condition_scale:g}"] if sampler.condition_scale != 1 and preset.hears else []
    settings = {
        "File": readable_name(midi.name),
        "Track": f"{melody.track + 1} {melody.name}".strip(),
        "New bars": names,
        "Kept of them": request.keep or (f"{len(request.keep_notes)} notes" if request.keep_notes else "nothing"),
        "Hears": "the other tracks" if request.harmony and preset.hears else "the melody alone",
        "Asked for": ", ".join(_asked_for(request)) or "nothing more",
        "Model": Path(preset.name).name,
        "Seed": request.seed,
        "Sampler": ", ".join(how),
        "Temperature": f"{request.temperature:g}",
    }
    return [(name, str(value)) for name, value in settings.items()]


def _asked_for(request):
    """What is asked for besides the bars, as text."""
    for name in ("chords", "key", "density", "form"):
        if getattr(request, name) is not None:
            yield f"{name} {getattr(request, name)}"
    if request.pitch_range is not None:
        yield f"pitches {_EN_DASH.join(request.pitch_range)}"
    if request.like is not None:
        yield f"like an earlier take, variation {request.variation:g}"


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
    """Rows (step, second at it, seconds per step from there on)."""
    ticks = np.unique(np.append(0, song.tempos.ticks))
    seconds = song.seconds(ticks)
    per_step = (song.seconds(ticks + 1) - seconds) * song.ticks_per_quarter / constants.STEPS_PER_QUARTER
    columns = (_exact_steps(song, ticks).round(4), seconds.round(5), per_step.round(7))
    return list(zip(*(column.tolist() for column in columns), strict=True))
