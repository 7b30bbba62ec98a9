"""Chord symbols: read, sounded, and named from what sounds."""

import dataclasses
import functools
import itertools
import os
import pathlib
import re
import zipfile

import numpy as np
from jaxtyping import Float, Int

from keras_symdiff.music.condition import BEATS_PER_PHRASE
from keras_symdiff.music.harmony import chroma

NO_CHORD = "N.C."
BEATS_PER_BAR = 4  # a bar of 16 steps; a shorter one is filled up

_MAX_TEXT = 1 << 20  # characters; no song has as many chords
_MAX_XML = 1 << 25  # bytes
_MAX_BARS = 4096

_NO_CHORD = re.compile(r"n\.?c\.?", re.IGNORECASE)
_BAR_LINES = re.compile(r"\|+")
_SYMBOL = re.compile(r"([A-G](?:bb?|##?)?)(.*?)(/[A-G](?:bb?|##?)?)?")
# What people write and the library spells otherwise: anywhere in a symbol, and where its quality begins.
_SPELLINGS = {"6/9": "69", "6add9": "69", "Maj": "maj", "maj7#5": "maj7+5", "Δ7": "maj7", "Δ": "maj7", "^7": "maj7"}
_QUALITIES = {
    "minor": "m", "min": "m", "mi": "m", "-": "m", "major": "maj", "maj": "maj", "ma": "maj", "ma7": "maj7",
    "°": "dim", "o": "dim", "ø": "m7b5", "ø7": "m7b5", "hdim7": "m7b5",
    "+": "aug", "+7": "7#5", "aug7": "7#5", "dom7": "7", "7alt": "7b9#5",
    "sus7": "7sus4", "b5": "(b5)", "no3": "5", "aug9": "9#5", "maj11": "maj7add11", "ped": "5",
}  # fmt: skip
_QUALITY = re.compile(f"(?:{'|'.join(map(re.escape, sorted(_QUALITIES, key=len, reverse=True)))})(?!d)")  # not madd9
# Chords that the library lacks.
_MORE_QUALITIES = {
    "m13": ("1", "b3", "5", "b7", "9", "11", "13"),
    "7add13": ("1", "3", "5", "b7", "13"),
    "maj9#11": ("1", "3", "5", "7", "9", "#11"),
    "maj13#11": ("1", "3", "5", "7", "9", "#11", "13"),
}

# Names that a sound can get, the simpler first; each stands for these semitones above its root.
_TEMPLATES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "dim": (0, 3, 6),
    "sus4": (0, 5, 7),
    "m7b5": (0, 3, 6, 10),
    "aug": (0, 4, 8),
    "dim7": (0, 3, 6, 9),
}
_TEMPLATE_ROWS = np.array(  # of unit length
    [
        np.roll(np.isin(np.arange(12), steps), root) / np.sqrt(len(steps))
        for steps in _TEMPLATES.values()
        for root in range(12)
    ]
)
_ROOTS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_A_MOMENT = 1e-3  # quarters by which times in seconds may be off
_LOWEST_BASS, _LOWEST_CHORD = 36, 55  # C2 and G3: the chord sounds below most melodies


@functools.lru_cache(maxsize=4096)
def parse_chord(symbol: str) -> tuple[int, ...]:
    """Reads one chord symbol.

    Args:
        symbol: a chord as lead sheets write it: `"Am7"`, `"F#m7b5"`, `"C/E"`, `"Bb6/9"`, `"N.C."`.

    Returns:
        Its pitch classes, the bass first; none for `"N.C."`, no chord.

    Raises:
        ValueError: if it is not a chord symbol.

    Example:
    ```python
    parse_chord("C/E")  # (4, 0, 7)
    ```
    """
    if _NO_CHORD.fullmatch(symbol):
        return ()
    parts = _SYMBOL.fullmatch(symbol.replace("♭", "b").replace("♯", "#"))
    try:
        if parts is None:
            raise ValueError
        root, quality, bass = parts.groups(default="")
        quality = re.sub(r"[():,]", "", quality)
        for written, spelling in _SPELLINGS.items():
            quality = quality.replace(written, spelling)
        if match := _QUALITY.match(quality):
            quality = _QUALITIES[match[0]] + quality[match.end() :]
        if "/" in quality:  # the library would take a number there for an inversion
            raise ValueError
        notes = _library().Chord(root + quality + bass).components(visible=False)
    except (AttributeError, ValueError):
        raise ValueError(
            f"A chord is written like C, Am7, F#m7b5 or C/E, and {NO_CHORD} for none. Received: {symbol!r}"
        ) from None
    return tuple(dict.fromkeys(note % 12 for note in notes))


@dataclasses.dataclass(frozen=True)
class Chords:
    """A progression: the chord symbols of each bar, which share it evenly.

    Args:
        bars: one tuple of symbols per bar.

    Raises:
        ValueError: if there is no bar, a bar is empty, or a symbol is not a chord.

    Example:
    ```python
    chords = Chords.parse("C | Am F | G7 | %")
    chords.chroma(num_phrases=8)  # (8, 8, 12), the four bars four times
    ```
    """

    bars: tuple[tuple[str, ...], ...]

    def __post_init__(self):
        if not self.bars or not all(self.bars):
            raise ValueError(f"Every bar needs a chord, or {NO_CHORD}. Received: bars={self.bars}")
        for symbol in itertools.chain(*self.bars):
            parse_chord(symbol)

    @classmethod
    def parse(cls, text: str) -> "Chords":
        """Reads a progression.

        Args:
            text: bars separated by `|` or by lines, symbols within a bar by spaces; `%` repeats the bar before,
                `N.C.` is a bar without a chord. Bar lines at the ends of a line are ignored.

        Returns:
            The `Chords`.

        Raises:
            ValueError: if it holds no chord, an empty bar, or something that is not a chord.
        """
        bars = []
        for line in filter(str.strip, text.splitlines()):
            for cell in _BAR_LINES.split(line.strip().strip("|")):
                symbols = tuple(cell.split())
                if symbols == ("%",):
                    if not bars:
                        raise ValueError(f"The first bar has no bar before it to repeat. Received: {text!r}")
                    symbols = bars[-1]
                bars.append(symbols)
        if not bars or not all(bars):
            raise ValueError(f"Chords are bars separated by |, like 'C | Am F | G7 | C'. Received: {text!r}")
        return cls(tuple(bars))

    @classmethod
    def open(cls, path: str | os.PathLike) -> "Chords":
        """Reads a progression from a file.

        Args:
            path: a text file as `parse` reads it, or MusicXML (`.musicxml`, `.xml`, `.mxl`), whose chord annotations
                are read beat by beat; that needs the extra `note-seq`.

        Returns:
            The `Chords`.

        Raises:
            ValueError: if the file holds no chords, or something that is none.
            OSError: if it cannot be opened.
        """
        if pathlib.Path(path).suffix.lower() in (".musicxml", ".xml", ".mxl"):
            return cls(_annotated_bars(path))
        with open(path, encoding="utf-8-sig") as file:
            try:
                text = file.read(_MAX_TEXT)
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}: not a text of chords ({error})") from error
        return cls.parse(text)

    @classmethod
    def heard(cls, beats: Float[np.ndarray, "B 12"], beats_per_bar: int = BEATS_PER_BAR) -> "Chords":
        """Names what sounds, by matching templates.

        Each half of a bar gets the chord among major, minor, seventh, diminished, augmented, suspended and bare fifth
        whose pitch classes have the highest cosine similarity with what it sounds in sum (the simpler chord and then
        the lower root where two fit equally). Halves with one root get one name together, and a silent half none; a
        silent bar is `N.C.`. A name tells the pitch classes and not the bass: C6 is Am7.

        Args:
            beats: share of each beat in which each pitch class sounds.
            beats_per_bar: beats of a bar, filled-up ones counted. Defaults to `4`.

        Returns:
            The `Chords`, one bar for every `beats_per_bar` beats, the last padded with silence.
        """
        beats = np.nan_to_num(np.asarray(beats, dtype=np.float64))
        bars = []
        for first in range(0, len(beats), beats_per_bar):
            bar = beats[first : first + beats_per_bar]
            halves = np.stack([bar[: beats_per_bar // 2].sum(axis=0), bar[beats_per_bar // 2 :].sum(axis=0)])
            roots = {_name(half)[0] for half in halves if half.any()}
            named = halves if len(roots) == 2 else halves.sum(axis=0, keepdims=True)
            bars.append(tuple("".join(_name(half)) for half in named))
        return cls(tuple(bars))

    def __str__(self) -> str:
        return " | ".join(" ".join(bar) for bar in self.bars)

    def notes(
        self, bar_lines: Int[np.ndarray, " B1"]
    ) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"], Int[np.ndarray, " M"]]:
        """The chords as notes: the bass between C2 and B2, the other pitch classes between G3 and F#4.

        Args:
            bar_lines: where the bars begin, and where the last one ends, in any unit: steps, ticks. The progression
                is repeated to their number.

        Returns:
            Tuple of starts and ends, in the same unit, and MIDI pitches.
        """
        notes = []
        for symbols, (start, end) in zip(itertools.cycle(self.bars), itertools.pairwise(bar_lines), strict=False):
            borders = np.linspace(start, end, len(symbols) + 1)
            for symbol, span in zip(symbols, itertools.pairwise(borders), strict=True):
                for index, pitch_class in enumerate(parse_chord(symbol)):
                    lowest = _LOWEST_CHORD if index else _LOWEST_BASS
                    notes.append((*span, lowest + (pitch_class - lowest) % 12))
        starts, ends, pitches = np.array(notes, dtype=np.float64).reshape(-1, 3).T
        return starts, ends, pitches.astype(np.int64)

    def chroma(self, num_phrases: int) -> Float[np.ndarray, "L 8 12"]:
        """What the chords sound in each beat of phrases of two 4/4 bars, repeated to the length asked for.

        Args:
            num_phrases: phrases asked for.

        Returns:
            Shares of the beats, as `harmony.chroma` measures them. On bars of a song's own, measure `notes`.
        """
        beats = np.arange(BEATS_PER_PHRASE * num_phrases + 1)
        return chroma(*self.notes(beats[::BEATS_PER_BAR]), beats).reshape(num_phrases, BEATS_PER_PHRASE, 12)


@functools.cache
def _library():
    import pychord  # imported here: few files need it

    for name, intervals in _MORE_QUALITIES.items():
        pychord.QualityManager().set_quality(name, intervals)
    return pychord


def _name(weights):
    """Root and quality of the chord that sounds with weights (12,)."""
    if not weights.any():
        return NO_CHORD, ""
    fits = _TEMPLATE_ROWS @ weights
    quality, root = divmod(int(np.argmax(fits > fits.max() - 1e-9)), 12)
    return _ROOTS[root], tuple(_TEMPLATES)[quality]


def _annotated_bars(path):
    """The chord of each beat of a MusicXML file, bar by bar; one for the bar where they are the same."""
    try:
        import note_seq
    except ImportError:
        raise ValueError("MusicXML needs note-seq: pip install 'keras_symdiff[note-seq]'") from None
    size = os.path.getsize(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size += sum(member.file_size for member in archive.infolist())
    if size > _MAX_XML:
        raise ValueError(f"{path}: MusicXML has at most {_MAX_XML >> 20} MiB, unpacked. Received: {size:,} bytes")
    try:
        bars = _bars_of(note_seq.musicxml_file_to_sequence_proto(str(path)))
    except Exception as error:  # note-seq raises whatever its parser stumbles over
        raise ValueError(f"{path}: not readable as MusicXML ({error!r})") from error
    if not bars:
        raise ValueError(f"{path}: has no chord annotations")
    return bars


def _bars_of(sequence):
    kind = sequence.TextAnnotation.CHORD_SYMBOL
    chords = sorted((a.time, a.text) for a in sequence.text_annotations if a.annotation_type == kind)
    if not chords:
        return ()
    times, symbols = zip(*chords, strict=True)
    quarters = _quarters_of(sequence)
    changes = quarters(times)
    signatures = [(float(quarters(s.time)), 4 * s.numerator / s.denominator) for s in sequence.time_signatures]
    ends = [start for start, _ in signatures[1:]] + [float(quarters(sequence.total_time))]
    if sum(max(0.0, end - start) / length for (start, length), end in zip(signatures, ends, strict=True)) > _MAX_BARS:
        raise ValueError(f"it has more than {_MAX_BARS} bars")
    bars = []
    for (start, length), end in zip(signatures, ends, strict=True):
        for bar in np.arange(start, end - _A_MOMENT, length):
            beats = bar + np.arange(np.ceil(length)) + _A_MOMENT
            held = np.searchsorted(changes, beats, side="right") - 1
            names = tuple(symbols[i] if i >= 0 else NO_CHORD for i in held)
            bars.append(names[:1] if len(set(names)) == 1 else names)
    return tuple(bars)


def _quarters_of(sequence):
    """A function from seconds to quarters by the tempos of a NoteSequence."""
    tempos = [(t.time, t.qpm / 60) for t in sequence.tempos] or [(0.0, 2.0)]
    at, rates = np.array(tempos).T
    at = np.append(at, max(sequence.total_time, at[-1]) + 1)
    counted = np.cumsum([0, *(np.diff(at) * rates)])
    return lambda seconds: np.interp(seconds, at, counted)
