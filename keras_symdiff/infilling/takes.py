"""The takes of one request, and how they are written: MIDI, records, a picture or a page."""

import dataclasses
import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_symdiff.files.fit_name import fit_name
from keras_symdiff.infilling.infill_request import MOST_SEEDS, MOST_TAKES, InfillRequest, Piece, new_notes
from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.page import PageTake, infill_command, takes_page
from keras_symdiff.infilling.ranking import SCORE_NAMES, TakeScores
from keras_symdiff.infilling.take import Take
from keras_symdiff.infilling.take_record import TakeRecord, made_with, sha256
from keras_symdiff.render.audio import write_audio
from keras_symdiff.render.piano_roll import plot_piano_roll
from keras_symdiff.write_atomically import write_atomically

_MOST_NAMES = 8  # gaps in a file's name, which has an end


class WrittenTakes(NamedTuple):
    """What `Takes.write` wrote: MIDI files, best first; a page, or `None`; and what rendered audio, or `None`."""

    files: list[Path]
    page: Path | None
    renderer: str | None


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Takes(Sequence):
    """The takes of one request, best first; those that nearly repeat a better one stand last.

    Args:
        request: `InfillRequest`, which names the track that was chosen.
        preset: the loaded preset that composed them.
        piece: `Piece` as it was.
        ranked: the takes in this order.
        original: scores of the bars as they were, without novelty.

    Example:
    ```python
    takes = keras_symdiff.Composer.from_preset().infill("song.mid", bars="17-32", takes=2, quality="draft")
    takes.best.midi, len(takes), [take.scores.overall for take in takes]
    takes.write("out")
    ```
    """

    request: InfillRequest
    preset: LoadedPreset
    piece: Piece
    ranked: tuple[Take, ...]
    original: TakeScores

    def __repr__(self) -> str:
        return f"<{len(self)} takes of {self.piece.song.name}>"  # not the arrays of a whole song

    def __len__(self) -> int:
        return len(self.ranked)

    def __getitem__(self, index):
        return self.ranked[index]

    def __iter__(self) -> Iterator[Take]:
        return iter(self.ranked)

    @property
    def best(self) -> Take:
        """The take with the best scores."""
        return self.ranked[0]

    @property
    def distinct(self) -> tuple[Take, ...]:
        """The takes without those that nearly repeat a better one, best first."""
        return tuple(take for take in self.ranked if take.duplicate_of is None)

    def table(self) -> str:
        """The scores of the distinct takes as text, best first, beside the song's own, and which are not new."""
        lines = [f"{'take':>10}" + "".join(f"{name:>13}" for name in (*SCORE_NAMES.values(), "overall"))]
        rows = [(take.number, take.scores) for take in self.distinct]
        for name, scores in [*rows, ("as it was", self.original)]:
            values = (*dataclasses.astuple(scores), scores.overall if isinstance(name, int) else np.nan)
            cells = (f"{'-' if np.isnan(value) else f'{value:.2f}':>13}" for value in values)
            lines.append(f"{name:>10}" + "".join(cells))
        duplicates = [take for take in self if take.duplicate_of is not None]
        if duplicates:
            nearly = ", ".join(
                f"take {take.number} shares {take.shared:.0%} of its notes with {take.duplicate_of}"
                for take in duplicates
            )
            lines.append(f"Left out {len(duplicates)} near-duplicate{'s' * (len(duplicates) > 1)}: {nearly}")
        equal = [str(take.number) for take in self if new_notes(take.melody, self.piece.gaps) == self.request.like]
        if equal:
            who = "All takes equal" if len(equal) == len(self) else f"Of the takes, {', '.join(equal)} equal"
            lines.append(f"{who} the earlier one: more than a variation of {self.request.variation:g} changes more")
        return "\n".join(lines)

    def write(self, folder: str | Path, audio: bool = False) -> WrittenTakes:
        """Writes a MIDI file and its record (JSON) for each distinct take.

        A single take gets a piano roll (PNG) of before and after, several get a page on which to hear them. Files are
        named `SONG_barsX_SEED`, with `_takeN` where several takes were asked for. Files of another request are not
        overwritten: the names go on with `-2`, `-3` and so on. A song that came as bytes is written beside them, for
        the records.

        Args:
            folder: made if it is not there.
            audio: whether to write a WAV file for each take. Defaults to `False`.

        Returns:
            `WrittenTakes`.

        Raises:
            MidiError: if the notes cannot be put into the file.
            OSError: if a file cannot be written.
        """
        request, piece, folder = self.request, self.piece, Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        midi = Path(piece.song.name)
        if not midi.is_file():
            midi = folder / f"song_{piece.song.sha256[:8]}.mid"  # its own: a file of this name is this song
            write_atomically(midi, piece.song.data)
        bars = [gap.name for gap in piece.gaps]
        if len(bars) > _MOST_NAMES:
            bars = [*bars[: _MOST_NAMES - 1], f"and{len(bars) - _MOST_NAMES + 1}more"]
        ending = f"_bars{'_'.join(bars)}_{request.seed}"
        stem = fit_name(midi.stem, f"{ending}-999_take{MOST_TAKES}.json") + ending
        stem = next(name for name in _numbered(stem) if not _holds_another(folder, name, request))
        several = request.takes > 1
        sources = {"midi": str(midi), "midi_sha256": piece.song.sha256, "preset": self.preset.name,
                   "preset_sha256": self.preset.sha256, "made_with": made_with()}  # fmt: skip
        files, renderer, shown = [], None, []
        # With the same noise, takes like one would again come near those that are there.
        anew = dataclasses.replace(request, seed=(request.seed + 1) % MOST_SEEDS)
        for take in self.distinct:
            path = folder / f"{stem}_take{take.number}.mid" if several else folder / f"{stem}.mid"
            write_atomically(path, take.midi)
            scores = take.scores.as_json()
            record = TakeRecord(request=request, take=take.number, file=path.name, file_sha256=sha256(take.midi),
                                scores=scores, **sources)  # fmt: skip
            record.save(path.with_suffix(".json"))
            files.append(path)
            again = shlex.join(["symdiff", "replay", str(path.with_suffix(".json"))])
            like = ["--like", str(path.with_suffix(".json")), "--variation", f"{request.variation:g}"]
            more = f"{infill_command(anew, self.preset, midi, folder)} {shlex.join(like)}" if several else ""
            shown.append(PageTake(take, path.name, scores, again, more))
        page = folder / f"{stem}_takes.html" if several else None
        if page:
            text = takes_page(request, self.preset, self.original, shown, len(self) - len(shown), midi, folder)
            write_atomically(page, text.encode())
        else:
            _draw_before_and_after(request, self.best, midi, files[0].with_suffix(".png"))
        for path in files if audio else ():  # last: pieces too long to render are written all the same
            renderer = write_audio(path, path.with_suffix(".wav"))
        return WrittenTakes(files, page, renderer)


def _numbered(stem):
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))


def _holds_another(folder: Path, stem: str, request: InfillRequest) -> bool:
    """Whether files of this name are of another request, or of nobody knows what."""
    files = [path for path in folder.iterdir() if re.fullmatch(rf"{re.escape(stem)}(_take\d+)?\.(mid|json)", path.name)]
    try:
        return any(TakeRecord.load(path.with_suffix(".json")).request != request for path in files)
    except (OSError, ValueError):
        return True


def _draw_before_and_after(request: InfillRequest, take: Take, midi: Path, path: Path):
    gaps, lines = take.piece.gaps, ((take.piece.melody, "before"), (take.melody, "after"))
    before, after = (dataclasses.replace(melody, name=name) for melody, name in lines)
    names = ", ".join(gap.name for gap in gaps)
    title = f"{midi.name}: bars {names} composed anew, seed {request.seed}"
    framed = [(gap.first_step, gap.end_step) for gap in gaps]
    plot_piano_roll([before, after], path, framed, title, request.parsed_chords)
