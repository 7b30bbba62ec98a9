"""Which bars of a song to compose anew, and how."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from keras_symdiff.constants import BARS_PER_PHRASE, MAX_PITCH, STEPS_PER_BAR, STEPS_PER_QUARTER
from keras_symdiff.diffusion.sampler import QUALITIES, Sampler
from keras_symdiff.infilling.asked import Asked, check_letters, check_temperature
from keras_symdiff.infilling.gaps import Gap, cut_out, find_gaps, kept_notes, parse_bars, refused_by_infilling
from keras_symdiff.infilling.layout import Layout
from keras_symdiff.infilling.locks import notes_in_gap
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.song import MAX_BARS, MidiError, Song

MOST_TAKES = 64
MOST_SEEDS = 1 << 32


class Piece(NamedTuple):
    """A song, the melody that a request is about, why it is that one, the gaps in it, and its phrases."""

    song: Song
    melody: Melody
    reason: str
    gaps: list[Gap]
    layout: Layout

    @property
    def bar_lines(self) -> Int[np.ndarray, " B"]:
        """Steps at which the bars begin, and where the last one ends, new bars after the song's end included."""
        return self.melody.grid.bar_lines(max(self.song.num_steps, self.melody.num_steps, self.gaps[-1].end_step))


@dataclasses.dataclass(frozen=True, kw_only=True)
class InfillRequest(Asked):
    """Bars to compose anew, and all that decides how; only the song and the model are missing.

    What `Asked` describes comes first.

    Args:
        bars: ranges of bars, each as `parse_bars` reads it. Defaults to none, for `continue_bars` alone.
        continue_bars: bars to compose after the melody's last one.
        track: the melody's track, from 1. Defaults to `None`: see `choose_melody`.
        track_name: its name, in place of `track`.
        keep: `"rhythm"` or `"pitches"`, what stays of the notes in the gaps. Defaults to `None`: nothing.
        keep_notes: notes (tick, pitch) of the melody's track that stay as they are.
        takes: how many takes to compose, in [1, 64].
        seed: at least 0.
        sampler: `Sampler`. Defaults to the quality `normal`.
        temperature: of decoding.
        harmony: whether the model hears the other tracks.
        like: notes (first step, end step, pitch) of an earlier take, to start from. Defaults to `None`: from noise.
        variation: how far from them to go, in (0, 1]: the share of the sampler's steps that is taken.

    Raises:
        ValueError: if an argument is out of range, or nothing is asked for.

    Example:
    ```python
    from keras_symdiff.music.song import Song

    piece = InfillRequest(bars=("17-32",), takes=8).find(Song.open("song.mid"))
    ```
    """

    bars: tuple[str, ...] = ()
    continue_bars: int = 0
    track: int | None = None
    track_name: str | None = None
    keep: str | None = None
    keep_notes: tuple[tuple[int, int], ...] = ()
    takes: int = 1
    seed: int = 0
    sampler: Sampler = QUALITIES["normal"]
    temperature: float = 1e-3
    harmony: bool = True
    like: tuple[tuple[int, int, int], ...] | None = None
    variation: float = 0.3

    def __post_init__(self):
        super().__post_init__()
        kinds = {
            "bars": tuple, "continue_bars": int, "track": int | None, "track_name": str | None, "keep": str | None,
            "takes": int, "seed": int, "sampler": Sampler,
        }  # fmt: skip
        for name, kind in kinds.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ValueError(f"`{name}` must be a {getattr(kind, '__name__', kind)}. Received: {name}={value!r}")
        if not all(isinstance(text, str) for text in self.bars):
            raise ValueError(f"`bars` are strings such as '17-32'. Received: bars={self.bars!r:.200}")
        if len(self.bars) > MAX_BARS:
            raise ValueError(f"`bars` must be at most {MAX_BARS} ranges. Received: {len(self.bars)}")
        if not 0 <= self.continue_bars <= MAX_BARS:
            raise ValueError(
                f"`continue_bars` must be in [0, {MAX_BARS}]. Received: continue_bars={self.continue_bars}"
            )
        if not 0 <= self.seed < MOST_SEEDS:
            raise ValueError(f"`seed` must be in [0, 2^32). Received: seed={self.seed}")
        check_temperature(self.temperature)
        if not self.bars and not self.continue_bars:
            raise ValueError("Name bars to compose, or how many to continue for. Received: neither")
        if self.track is not None and self.track_name is not None:
            raise ValueError(
                f"Name a track by number or by name. Received: track={self.track}, track_name={self.track_name!r:.200}"
            )
        if self.keep not in (None, "rhythm", "pitches"):
            raise ValueError(f"`keep` must be 'rhythm', 'pitches' or None. Received: keep={self.keep!r}")
        if not all(len(note) == 2 and all(type(value) is int for value in note) for note in self.keep_notes):
            raise ValueError(f"`keep_notes` must be notes (tick, pitch). Received: keep_notes={self.keep_notes!r:.200}")
        if not isinstance(self.harmony, bool):
            raise ValueError(f"`harmony` must be True or False. Received: harmony={self.harmony!r}")
        if (
            isinstance(self.variation, bool)
            or not isinstance(self.variation, int | float)
            or not 0 < self.variation <= 1
        ):
            raise ValueError(f"`variation` must be in (0, 1]. Received: variation={self.variation!r}")
        if self.like is not None and not (self.like and all(map(_is_note, self.like))):
            raise ValueError(f"`like` must be notes (first step, end step, pitch). Received: like={self.like!r:.200}")
        if not 1 <= self.takes <= MOST_TAKES:
            raise ValueError(f"`takes` must be in [1, {MOST_TAKES}]. Received: takes={self.takes}")

    @property
    def draws_form(self) -> bool:
        """Whether a take draws its form: none is asked for, and nothing else of the new notes."""
        others = (self.form, self.keep, self.density, self.pitch_range, self.like)
        return all(other is None for other in others) and not self.keep_notes

    def varying(self, melody: Melody, piece: Piece) -> "InfillRequest":
        """The same request, for takes like one there is.

        Args:
            melody: the take's melody, on the song's steps.
            piece: what `find` returned.

        Raises:
            ValueError: if it has no note in the gaps.
        """
        notes = new_notes(melody, piece.gaps)
        if not notes:
            names = ", ".join(gap.name for gap in piece.gaps)
            raise ValueError(f"The take to vary has no notes in bars {names}")
        return dataclasses.replace(self, like=notes)

    def find(self, song: Song) -> Piece:
        """Finds the melody and the gaps in a song.

        Args:
            song: `Song`.

        Returns:
            A `Piece`.

        Raises:
            MidiError: if the song has no melody, or the bars are not there.
            ValueError: if there is no such track, the bars are not bars, there is no note in them to
                keep a side of, or the form does not fit.
        """
        ranges = [parse_bars(text) for text in self.bars]
        if self.track == len(song.tracks) + 1 and song.has_new_line:
            song, melody, reason = *song.with_new_line(), "its track has no notes yet"
        else:
            melody, reason = choose_melody(read_melodies(song), self.track, self.track_name)
        if song.ticks_per_quarter < STEPS_PER_QUARTER:
            raise MidiError(song.name, refused_by_infilling(song)[0])
        gaps = find_gaps(melody, ranges, song.num_steps, song.name, self.continue_bars)
        begin = None if self.letters is None else _check_letters(self.letters, melody, gaps)
        layout = Layout.of(melody, gaps, begin)
        if self.keep_notes:
            gaps, runs = cut_out(gaps, melody, self.keep_notes, song), layout.new_runs
            layout = Layout.of(melody, gaps, begin)
            if begin is not None and layout.new_runs != runs:
                raise ValueError(
                    "The letters of a form describe new phrases: notes that stay may fill none of them. "
                    f"Received: form={self.form!r}, keep_notes={self.keep_notes!r:.200}"
                )
        for gap in gaps if self.keep else ():
            notes_in_gap(melody, gap, "old")
        return Piece(song, melody, reason, gaps, layout)


def new_notes(melody: Melody, gaps: Sequence[Gap]) -> tuple[tuple[int, int, int], ...]:
    """The notes (first step, end step, pitch) of a melody that start in gaps."""
    chosen = ~kept_notes(melody, gaps)
    columns = (melody.start_steps[chosen], melody.end_steps[chosen], melody.pitches[chosen])
    return tuple(zip(*(column.tolist() for column in columns), strict=True))


def _check_letters(form, melody, gaps):
    """Checks that the letters of a form describe gaps whole; returns the bar with which their phrases begin."""
    begin = melody.grid.bar_of(gaps[0].first_step)
    steps = Layout.of(melody, gaps, begin).steps.reshape(-1)
    for gap in gaps:
        metre = melody.grid.metre_of(gap.first_step)
        bars_per_phrase = 1 if metre.bar_steps > STEPS_PER_BAR else BARS_PER_PHRASE * metre.bars_per_group
        first, after = int(np.argmax(steps == gap.first_step)), np.flatnonzero(steps >= gap.end_step)
        end = int(after[0]) if len(after) else -(-(int(steps.argmax()) + 1) // STEPS_PER_BAR) * STEPS_PER_BAR
        check_letters(form, first, end, bars_per_phrase, f"bars {gap.name}")
    return begin


def _is_note(note):
    if len(note) != 3 or not all(type(value) is int for value in note):
        return False
    first, end, pitch = note
    return 0 <= first < end <= MAX_BARS * STEPS_PER_BAR and 0 < pitch <= MAX_PITCH
