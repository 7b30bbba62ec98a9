"""What the studio's HTTP interface takes and gives, as JSON; `/docs` shows it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

Tick = Annotated[int, Field(ge=0, lt=1 << 31)]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ComposeRequest(_Taken):
    """What to compose anew, and how. Name bars, beats or both."""

    track: int | None = Field(
        None,
        ge=1,
        description="number of the melody's track, from 1; left out, the most melodious, or the new one",
    )
    bars: list[str] = Field([], description='bars, such as "17-20" or "25"', max_length=512)
    beats: list[tuple[Tick, Tick]] = Field(
        [], description="stretches (start, end) in ticks, counted up to whole beats", max_length=512
    )
    locks: list[tuple[Tick, int]] = Field([], description="notes (start in ticks, pitch) that stay", max_length=4096)
    takes: int = Field(4, ge=1, le=64)
    seed: int = Field(0, ge=0, lt=1 << 32)
    quality: str = Field("normal", description="draft, normal or best")
    density: float | None = Field(None, description="onsets per bar")
    pitch_range: SkipValidation[str | tuple[str, str] | None] = Field(
        None, description='lowest and highest pitch: "C4-C6" or ["C4", "C6"]'
    )  # `Asked` validates it, in the words of the command line
    key: str | None = Field(None, description='such as "A minor"')
    chords: str | None = Field(None, description='in place of what sounds: "C | Am F | G7 | %"')
    harmony: bool = Field(True, description="whether the other tracks are heard")
    strictness: float | None = Field(
        None, ge=0, le=100, description="how strictly chords are followed; left out, as the quality has it (3)"
    )
    like: str | None = Field(None, description="id of a take to start from")
    variation: float = Field(0.3, description="how far to go from it, in (0, 1]")
    base: list[str] = Field([], description="ids of takes that are in the song already, in order", max_length=1024)


class NewSong(_Taken):
    """A song from nothing: a track of chords, and one for a melody."""

    chords: str = Field(description='"C | Am F | G7 | %", repeated to the length', max_length=10_000)
    key: str | None = Field(None, description='such as "A minor"; left out, that of the chords')
    bars: int = Field(16, ge=2, le=512)
    tempo: float = Field(110, ge=20, le=400, description="quarters per minute")


class ChosenTakes(_Taken):
    """Takes of a song, in the order in which they are put in; of two in the same bars, the later holds."""

    takes: list[str] = Field([], max_length=1024)


class State(BaseModel):
    """What the server is at."""

    model: str = Field(description="loading, ready or failed")
    message: str | None = Field(description="why it failed")
    song: str | None = Field(description="id of the song that was named on the command line")
    preset: str
    qualities: list[str]
    can_condition: bool = Field(description="whether the model hears chords and density")


class Bar(BaseModel):
    """A bar of the file."""

    number: str
    start: int
    length: int
    numerator: int
    denominator: int


class TrackView(BaseModel):
    """A track, with notes (start, length, pitch, velocity)."""

    number: int = Field(description="from 1, as `symdiff inspect` counts")
    name: str
    program: int
    drums: bool
    melody_candidate: bool
    notes: list[tuple[int, int, int, int]]


class Defaults(BaseModel):
    """The song's own values of what can be asked for."""

    density: float | None
    pitch_low: str
    pitch_high: str
    key: str | None


class SongView(BaseModel):
    """A song; all times are in ticks."""

    id: str
    name: str
    ticks_per_quarter: int
    end: int
    bars: list[Bar]
    tempos: list[tuple[int, float]] = Field(description="(tick, quarters per minute)")
    chords: list[tuple[int, str]] = Field(description="changes of what the other tracks sound: (tick, name)")
    key: str | None
    swing: float | None
    tracks: list[TrackView]
    melody: int | None = Field(description="number of the melody's track")
    warnings: list[str]
    defaults: Defaults | None
    can_save: bool


class TakeView(BaseModel):
    """A take."""

    id: str
    number: int
    rank: int
    scores: dict[str, float | None]
    notes: list[tuple[int, int, int, int]] = Field(description="all notes of the melody's track with it in the song")
    gaps: list[tuple[int, int]] = Field(description="what was composed: (start, end) in ticks")


class JobId(BaseModel):
    """A job that was queued."""

    job: str


class SavedFile(BaseModel):
    """A file that was written."""

    path: str


class Problem(BaseModel):
    """Why it cannot be."""

    error: str


def answers(model: Any, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What `/docs` says of a route's answers."""
    return {status: {"model": model}, "4XX": {"model": Problem}}
