"""One HTML page on which takes are seen, heard and compared, without a network."""

import dataclasses
import html
import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_symdiff import constants, render
from keras_symdiff.diffusion.sampler import QUALITIES
from keras_symdiff.files.readable_name import readable_name
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.ranking import SCORE_NAMES, TakeScores
from keras_symdiff.infilling.take import Take
from keras_symdiff.music.key_cost import KEY_COST
from keras_symdiff.music.song import Song
from keras_symdiff.render.web_song import track_notes, web_timeline

_EN_DASH = "\u2013"
_TEMPLATE = Path(__file__).parent / "page.html"
_WEB = Path(render.__file__).parent / "web"
_MODULES = (
    "vendor/webaudio-tinysynth/webaudio-tinysynth.js",
    "element.js",
    "timeline.js",
    "rank.js",
    "roll.js",
    "player.js",
)
_SHOWN_BARS = 4  # kept bars on either side of the gaps
_LEAD_IN_BARS = 2  # kept bars that are played before the first gap
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

    Notes are embedded from four bars before the first gap to four bars after the last one, of all tracks, in ticks
    with the file's tempo map; the page draws and plays them with the modules of `render/web`, which the studio uses
    too. It asks the network for nothing.

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
    grid, lines = piece.song.grid, piece.bar_lines
    gaps = [(gap.first_step, gap.end_step) for gap in piece.gaps]
    bar = int(np.searchsorted(lines, gaps[0][0], side="right")) - 1
    first = int(lines[max(0, bar - _SHOWN_BARS)])
    end = int(lines[min(len(lines) - 1, np.searchsorted(lines, gaps[-1][1]) + _SHOWN_BARS)])
    start, stop = grid.ticks(first), grid.ticks(end)

    takes = [_melody(Song.open(page_take.take.midi), piece, start, stop) for page_take in shown]
    tracks = [_track(track, piece, start, stop) for track in piece.song.tracks]
    if sum(len(track["notes"]) for track in tracks) > _MOST_NOTES:
        tracks = [track for track in tracks if track["melody"]]
    was = next(track["notes"] for track in tracks if track["melody"])

    names = ", ".join(gap.name for gap in piece.gaps)
    title = f"{piece.melody.name or readable_name(midi.stem)}, bars {names.replace('-', _EN_DASH)}"
    data = {
        "title": title,
        "summary": _summary(len(shown), num_left_out),
        "settings": _settings(request, preset, piece, midi, names),
        "command": "" if request.like else infill_command(request, preset, midi, folder),
        "song": web_timeline(piece.song, lines),
        "shown": (start, stop),
        "playFrom": max(start, grid.ticks(int(lines[max(0, bar - _LEAD_IN_BARS)]))),
        "gaps": [(grid.ticks(first), grid.ticks(end)) for first, end in gaps],
        "tracks": tracks,
        "scoreNames": SCORE_NAMES,
        "takes": [{"title": "As it was", "notes": was, "scores": original.as_json()}]
        + [
            {
                "title": f"Take {page_take.take.number}",
                "notes": notes,
                "scores": page_take.scores,
                "again": page_take.again,
                "more": page_take.more,
                "file": page_take.file,
            }
            for page_take, notes in zip(shown, takes, strict=True)
        ],
    }
    # `<` must not end the script element, nor begin another one.
    embedded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    page = _TEMPLATE.read_text(encoding="utf-8").replace("__TITLE__", html.escape(title))
    page = page.replace("__COLOURS__", (_WEB / "colours.css").read_text(encoding="utf-8"))
    return page.replace("__SCRIPT__", _script()).replace("__DATA__", embedded)


def _script():
    """The page's modules as one script: what a module imports stands before it."""
    modules = [(_WEB / name).read_text(encoding="utf-8") for name in _MODULES]
    modules.append((_TEMPLATE.parent / "page.js").read_text(encoding="utf-8"))
    return "\n".join(re.sub(r"^import .*\n|^export ", "", module, flags=re.MULTILINE) for module in modules)


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
    takes = f"{count} take{'s' * (count > 1)} to choose from, best first{twins}."
    return f"{takes} A take's number is that of its file. Every other bar is as it was."


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


def _track(track, piece, start, stop):
    """A track as the page draws and plays it."""
    return {
        "name": track.name,
        "program": track.program,
        "drums": track.is_drum,
        "melody": track.index == piece.melody.track,
        "notes": _notes_within(track, piece, start, stop),
    }


def _melody(song, piece, start, stop):
    """Notes of the melody's track of a file."""
    return _notes_within(song.tracks[piece.melody.track], piece, start, stop)


def _notes_within(track, piece, start, stop):
    """Notes of a track that start in a stretch; a performance may be early."""
    early = start - piece.song.ticks_per_quarter / constants.STEPS_PER_QUARTER / 2
    return [note for note in track_notes(track) if early <= note[0] < stop]
