"""What a model is told of the phrases of a song besides their notes, and what decoding costs there."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from keras_symdiff.constants import FIRST_ONSET, MAX_PITCH, MIN_PITCH, PHRASE_STEPS, PIECE_PHRASES, STEPS_PER_BAR
from keras_symdiff.infilling.asked import NO_FORM, ORIGINAL_FORM, Asked
from keras_symdiff.infilling.infill_request import InfillRequest, Piece
from keras_symdiff.infilling.layout import Layout
from keras_symdiff.music.accompaniment import beat_steps, beneath_phrases
from keras_symdiff.music.condition import BEATS_PER_PHRASE, CONDITION_DIM, Condition, earliest_equal
from keras_symdiff.music.form import Form, FormTable, variations
from keras_symdiff.music.harmony import chroma
from keras_symdiff.music.key import SURE, Key, estimate_key, pitch_class_weights
from keras_symdiff.music.transpose import to_home_key

# Mean cosine of the chroma of two phrases, by beat: of equal phrases of POP909, 94 % reach it, of any two 13 %.
_ALIKE = 0.7
_SUNG = 69  # mean pitch of songs in C: a register is asked for within half an octave of it, and octaves are exact


@dataclasses.dataclass(frozen=True, eq=False)
class Told:
    """What a model is told of N phrases, in the key in which it hears them.

    Args:
        condition: parts that nobody knows or asks for are hidden.
        repeats: for each phrase the earliest one that it shall be equal to, its own if there is none.
        varies: for each phrase the earliest one that it shall repeat or vary, its own if there is none.
        bias: nats that decoding adds to the logits; `None` for nothing.
        semitones: how much higher the model hears the song.
        start: phrases from which to start; `None` to start from noise.
        variation: the share of the sampler's steps that is taken from there.
        octaves: how many semitones above its range the model composes, near the given phrases.
    """

    condition: Condition
    repeats: Int[np.ndarray, " N"]
    varies: Int[np.ndarray, " N"]
    bias: Float[np.ndarray, "N 32 90"] | None
    semitones: int
    start: Int[np.ndarray, "N 32"] | None = None
    variation: float = 1.0
    octaves: int = 0

    def planned(
        self, repeats: Int[np.ndarray, " N"], varies: Int[np.ndarray, " N"], above: Float[np.ndarray, " N"]
    ) -> "Told":
        """The same, with a plan.

        Args:
            repeats: for each phrase the earliest one that it shall be equal to.
            varies: for each phrase the earliest one that it shall repeat or vary.
            above: semitones that its register shall be above what it is now.
        """
        register = np.clip(self.condition.register + above, MIN_PITCH, MAX_PITCH)
        condition = dataclasses.replace(self.condition, repeats=repeats, register=register)
        return dataclasses.replace(self, condition=condition, repeats=repeats, varies=varies)


def window(told: Sequence[Told], first: int, end: int, length: int, hears: bool) -> dict[str, np.ndarray]:
    """What the sampler is told of the phrases from `first` to `end` of B melodies, each as one piece.

    Args:
        told: what it is told of each melody.
        first: index of a phrase.
        end: index of the phrase after the last one.
        length: L, phrases of the model's pieces; those beyond `end` are padding.
        hears: whether the model hears a condition.

    Returns:
        Arguments of `sample` and `infill`: `conditions` (B, L, C), `repeats` and `varies` (B, L), as far as there is
        something to tell.
    """
    arguments = {}
    if hears:
        conditions = arguments["conditions"] = np.zeros((len(told), length, CONDITION_DIM), "float32")
        for row, one in zip(conditions, told, strict=True):
            row[: end - first] = one.condition[first:end].features()
    plans = {
        name: np.stack([_cut(getattr(one, name), first, end, length) for one in told]) for name in ("repeats", "varies")
    }
    planned = any((one.condition.repeats >= 0).any() for one in told)  # of all or none: a take is alike in any company
    return arguments | plans if planned else arguments


def tell(asked: Asked, layout: Layout, sounds: Float[np.ndarray, "N 8 12"], hears: bool, one_key: bool) -> Told:
    """Describes phrases, some of which are to be composed.

    Args:
        asked: what is asked of those.
        layout: `Layout`.
        sounds: what sounds beneath the phrases in each beat; NaN where nobody knows.
        hears: whether the model hears it. One that does not has a key only if one is asked for.
        one_key: whether the model knows music in C major and A minor only.

    Returns:
        `Told`.
    """
    _, tokens, steps, free = layout
    given = np.where(free, 0, tokens)
    key, sure = _key(asked, given, sounds)
    sure &= hears or asked.key is not None
    moved, sounds, semitones = to_home_key(tokens, sounds, key) if one_key else (tokens, sounds, 0)
    real_steps = (steps.reshape(len(steps), -1, STEPS_PER_BAR) >= 0).sum(axis=2)
    new = free.any(axis=1)
    was = Condition.of(np.where(free, 0, moved), sounds, real_steps)
    repeats, varies = _plans(asked.form, layout)
    condition = dataclasses.replace(was, repeats=repeats)
    if asked.form in (None, NO_FORM):
        condition = condition.hide("repeats")
    if asked.density is None:
        condition = condition.hide("density")
    else:
        sounding = ~new & (was.density > 0)
        density = asked.onsets_per_bar(float(was.density[sounding].mean()) if sounding.any() else 0.0)
        condition = dataclasses.replace(condition, density=np.where(new, density, was.density))
    # New phrases keep to the register of the given ones, from which they leap otherwise; a plan may move them.
    given_register = was.register[~np.isnan(was.register)]
    middle = home = given_register.mean() if len(given_register) else _SUNG
    octaves, pitches = 0, None
    if asked.pitches is not None:
        low, high = (pitch + semitones for pitch in asked.pitches)
        octaves = 0 if low <= home <= high else 12 * round((home - (low + high) / 2) / 12)
        pitches = low + octaves, high + octaves
        middle = sum(pitches) / 2
    condition = dataclasses.replace(condition, register=np.where(new, middle, was.register))
    bias = asked.decoding_bias(sounds, key.transposed(semitones) if sure else None, pitches)
    return Told(condition, repeats, varies, bias, semitones, octaves=octaves)


def tell_new(asked: Asked, form: Form | None, num_phrases: int, hears: bool, one_key: bool) -> Told:
    """Describes a new piece in 4/4.

    Args:
        asked: what is asked of it.
        form: its form; `None` for none.
        num_phrases: its length.
        hears: whether the model hears a condition.
        one_key: whether the model knows music in C major and A minor only.

    Returns:
        `Told`.
    """
    chords, key = asked.parsed_chords, asked.key_of_new(num_phrases) if hears else asked.parsed_key
    sounds = np.full((num_phrases, BEATS_PER_PHRASE, 12), np.nan) if chords is None else chords.chroma(num_phrases)
    semitones = key.semitones_to_c if key is not None and one_key else 0
    if one_key:
        key = Key(0, "major") if key is None else key.transposed(semitones)
    silence = np.zeros((num_phrases, PHRASE_STEPS), np.int8)
    condition = Condition.of(silence, np.roll(sounds, semitones, axis=-1)).hide("density").hide("register")
    repeats = varies = np.arange(num_phrases)
    pitches = None
    # The more a piece follows chords, the more it leaps, unless it has a register.
    register = None if chords is None else np.full(num_phrases, float(_SUNG))
    density = None if asked.density is None else np.full(num_phrases, asked.onsets_per_bar(0.0))
    if form is None:
        condition = condition.hide("repeats")
    else:
        repeats, varies, pitches = form.repeats, form.varies, form.pitches if hears else None
        register = register if form.register is None else form.register
        density = form.density if density is None else density
        condition = dataclasses.replace(condition, repeats=repeats)
    if asked.pitches is not None:
        middle = sum(asked.pitches) / 2 + semitones
        semitones += 12 * round((_SUNG - middle) / 12) if hears else 0
        pitches = asked.pitches[0] + semitones, asked.pitches[1] + semitones
        register = np.full(num_phrases, sum(pitches) / 2)
    told = {name: part for name, part in (("register", register), ("density", density)) if part is not None}
    condition = dataclasses.replace(condition, **told)
    return Told(condition, repeats, varies, asked.decoding_bias(condition.chroma, key, pitches), semitones)


def complete_plan(
    layout: Layout, sounds: Float[np.ndarray, "N 8 12"], forms: FormTable, seed: int, take: int
) -> tuple[Int[np.ndarray, " N"], Int[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Draws which phrases the new ones repeat or vary, from forms like that of the given phrases.

    A new phrase repeats or varies another only where their bars are as long, and the same chords sound beneath both or
    nobody knows what sounds beneath either. Phrases that are free in part stand alone. Over chords new phrases vary
    none and keep to one register, which fits the chords better and leaps less. Gaps are planned from left to right, 32
    bars at once.

    Args:
        layout: `Layout`.
        sounds: what sounds beneath the phrases in each beat; NaN where nobody knows.
        forms: table of forms.
        seed: at least 0.
        take: number of the take among those of the seed.

    Returns:
        For each phrase the earliest one that it shall be equal to, the earliest one that it shall repeat or vary, and
        how many semitones above the given ones it shall be.
    """
    number, most = len(layout.tokens), PIECE_PHRASES // 2
    group, _, whole = _groups(layout)
    known = group >= number  # given phrases, later those that are planned
    varied, above = group.copy(), np.zeros(number)
    unheard = np.asarray(np.isnan(sounds).any(axis=(1, 2)))
    varied[known] = number + variations(layout.tokens[known])
    parts = [(at, min(at + most, end)) for first, end in layout.new_runs for at in range(first, end, most)]

    def alike(phrase, other):
        as_long = np.array_equal(layout.steps[phrase] < 0, layout.steps[other] < 0)
        return as_long and _sound_alike(sounds[phrase], sounds[other])

    def joins(phrase, other, groups, first):
        candidates = np.flatnonzero(known & (groups == groups[other])) if known[other] else [other]
        return (known[other] or (whole[other] and other >= first)) and any(alike(phrase, one) for one in candidates)

    for index, (first, end) in enumerate(parts):
        begin = max(0, min((first + end - PIECE_PHRASES) // 2, number - PIECE_PHRASES))
        shown = slice(begin, min(begin + PIECE_PHRASES, number))
        given, alike_given = (np.where(known[shown], earliest_equal(groups[shown]), -1) for groups in (group, varied))
        repeats, varies, higher = forms.complete(given, alike_given, seed, take * len(parts) + index)
        above[first:end] = np.where(unheard[first:end], higher[first - begin : end - begin], 0)

        for phrase in np.flatnonzero(whole[first:end]) + first:
            repeated, other = begin + repeats[phrase - begin], begin + varies[phrase - begin]
            if repeated != phrase and joins(phrase, repeated, group, first):
                group[phrase], varied[phrase] = group[repeated], varied[repeated]
            elif unheard[phrase] and joins(phrase, other, varied, first):
                varied[phrase] = varied[other]
        known[first:end] |= whole[first:end]
    return earliest_equal(group), earliest_equal(varied), above


def hear(request: InfillRequest, piece: Piece, steps: Int[np.ndarray, "N 32"]) -> Float[np.ndarray, "N 8 12"]:
    """What sounds beneath phrases: the other tracks, or the chords that are asked for in the gaps.

    Args:
        request: `InfillRequest`.
        piece: `Piece`.
        steps: the song's step of each step of the phrases, -1 where a bar is filled up.

    Returns:
        Share of each beat in which each pitch class sounds; NaN where nobody knows.
    """
    if request.harmony:
        sounds = beneath_phrases(piece.song, piece.melody.track, steps)
    else:
        sounds = np.full((len(steps), BEATS_PER_PHRASE, 12), np.nan)
    if request.parsed_chords is None:
        return sounds
    borders, sounds, grid = beat_steps(steps), sounds.reshape(-1, 12), piece.melody.grid
    for gap in piece.gaps:  # the progression begins with each gap's first bar
        bars = np.arange(grid.bar_of(gap.first_step), grid.bar_of(gap.end_step - 1) + 2)
        heard = chroma(*request.parsed_chords.notes(grid.bar_step(bars)), borders)
        inside = (borders[:-1] >= gap.first_step) & (borders[1:] <= gap.end_step)
        sounds[inside] = heard[inside]
    return sounds.reshape(-1, BEATS_PER_PHRASE, 12)


def _key(asked: Asked, given: Int[np.ndarray, "N 32"], sounds: Float[np.ndarray, "N 8 12"]) -> tuple[Key, bool]:
    """The key, and whether it is sure."""
    if asked.parsed_key is not None:
        return asked.parsed_key, True
    key, confidence = estimate_key(pitch_class_weights(given, sounds))
    return key, confidence >= SURE


def _plans(form, layout):
    """For each phrase the earliest one that it repeats, and that it repeats or varies; see `Told`.

    Phrases that are free in part stand alone.
    """
    number = np.arange(len(layout.tokens))
    if form in (None, NO_FORM):
        return number, number
    group, new, whole = _groups(layout, original=form == ORIGINAL_FORM)
    groups = [group, group.copy()]
    if form != ORIGINAL_FORM:  # letters, anew in each run of new phrases
        for first, end in layout.new_runs:
            parsed = Form.parse(form, end - first)
            groups[0][first:end], groups[1][first:end] = first + parsed.repeats, first + parsed.varies
    alone = new & ~whole
    return tuple(earliest_equal(np.where(alone, -1 - number, group)) for group in groups)


def _groups(
    layout: Layout, original: bool = False
) -> tuple[Int[np.ndarray, " N"], Bool[np.ndarray, " N"], Bool[np.ndarray, " N"]]:
    """For each phrase the number of its group, of which all are equal; whether it is new; and whether all of it is.

    New phrases stand alone, unless they are to be `original`.
    """
    _, tokens, steps, free = layout
    empty = (steps < 0) | layout.melody.grid.stays_empty(steps)
    new = np.asarray(free.any(axis=1))
    known = (tokens >= FIRST_ONSET).any(axis=1) & (~new | original)
    _, inverse = np.unique(tokens, axis=0, return_inverse=True)
    group = np.where(known, len(tokens) + inverse.reshape(-1), np.arange(len(tokens)))
    return group, new, np.asarray(new & (free | empty).all(axis=1))


def _sound_alike(one: Float[np.ndarray, "8 12"], other: Float[np.ndarray, "8 12"]) -> bool:
    """Whether the same chords sound beneath two phrases; also if none do, or nobody knows which."""
    if np.isnan(one).any() or np.isnan(other).any():
        return bool(np.isnan(one).any() and np.isnan(other).any())
    heard = one.any(axis=1) | other.any(axis=1)  # beats in which something sounds
    lengths = np.linalg.norm(one[heard], axis=1) * np.linalg.norm(other[heard], axis=1)
    cosines = (one[heard] * other[heard]).sum(axis=1) / np.maximum(lengths, 1e-9)
    return not heard.any() or bool(cosines.mean() >= _ALIKE)


def _cut(plan, first, end, length):
    """A plan of the phrases from `first` to `end`, counted from there, and of padding that repeats nothing."""
    return np.append(earliest_equal(plan[first:end]), np.arange(end - first, length))
