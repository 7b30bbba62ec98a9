"""Takes written to a folder: MIDI, records, pictures, a page."""

import dataclasses
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_symdiff.infilling.page import PageTake, takes_page
from keras_symdiff.infilling.take_record import TakeRecord, made_with, sha256
from keras_symdiff.music.song import Song
from keras_symdiff.music.splice import splice_melody
from keras_symdiff.render.audio import write_audio
from keras_symdiff.render.piano_roll import plot_piano_roll
from keras_symdiff.write_atomically import write_atomically


class WrittenTakes(NamedTuple):
    """What `write_takes` wrote: MIDI files, best first; a page, or `None`; and what rendered audio, or `None`."""

    files: list
    page: Path | None
    renderer: str | None


def write_takes(takes, folder, audio=False):
    """Writes a MIDI file and its record (JSON) for each take that is no near-duplicate.

    A single take gets a piano roll (PNG) of before and after, several get a page on which to hear them. Files are named
    `SONG_barsX_SEED`, with `_takeN` where several takes were asked for.

    Args:
        takes: `Takes`.
        folder: path, made if it is not there.
        audio: bool, whether to write a WAV file for each take. Defaults to `False`.

    Returns:
        `WrittenTakes`.

    Raises:
        MidiError: if the notes cannot be put into the file.
        OSError: if a file cannot be written.
    """
    request, piece, folder = takes.request, takes.piece, Path(folder)
    bars = [gap.name for gap in piece.gaps]
    bars = bars if len(bars) <= 8 else [*bars[:7], f"and{len(bars) - 7}more"]  # a file name has an end
    stem = f"{Path(request.midi).stem}_bars{'_'.join(bars)}_{request.seed}"
    several = request.num_takes > 1
    sources = {"midi_sha256": sha256(Path(request.midi).read_bytes()), "preset": takes.preset.name,
               "preset_sha256": takes.preset.sha256, "made_with": made_with()}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    files, renderer, shown = [], None, []
    for number in takes.order:
        path = folder / f"{stem}_take{number}.mid" if several else folder / f"{stem}.mid"
        data = take_file(request, piece, takes.melodies[number])
        write_atomically(path, data)
        scores = {name: None if np.isnan(value) else round(value, 4)
                  for name, value in dataclasses.asdict(takes.scores[number]).items()}  # fmt: skip
        record = TakeRecord(
            request=request, take=number, file=path.name, file_sha256=sha256(data), scores=scores, **sources
        )
        record.save(path.with_suffix(".json"))
        files.append(path)
        command = shlex.join(["symdiff", "replay", str(path.with_suffix(".json"))])
        shown.append(PageTake(f"Take {number}", path, scores, command))
    page = folder / f"{stem}_takes.html" if several else None
    if several:
        write_atomically(page, takes_page(takes, shown).encode())
    else:
        _draw_before_and_after(piece, takes.melodies[takes.order[0]], request, files[0].with_suffix(".png"))
    for path in files if audio else ():  # last: pieces too long to render are written all the same
        renderer = write_audio(path, path.with_suffix(".wav"))
    return WrittenTakes(files, page, renderer)


def _draw_before_and_after(piece, take, request, path):
    before, after = (dataclasses.replace(m, name=name) for m, name in ((piece.melody, "before"), (take, "after")))
    names = ", ".join(gap.name for gap in piece.gaps)
    title = f"{Path(request.midi).name}, bars {names}, seed {request.seed}"
    plot_piano_roll([before, after], path, [(gap.first_step, gap.end_step) for gap in piece.gaps], title)


def take_file(request, piece, take):
    """Returns the bytes of the MIDI file with the notes of a take (`Melody`)."""
    return splice_melody(Song.open(request.midi), take, [(gap.first_step, gap.end_step) for gap in piece.gaps])
