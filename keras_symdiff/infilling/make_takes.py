"""Several takes of the same bars, composed in one batch and ranked."""

import dataclasses
from collections.abc import Callable

from keras_symdiff.infilling import locks
from keras_symdiff.infilling.compose_gaps import compose_gaps
from keras_symdiff.infilling.infill_request import InfillRequest, Piece
from keras_symdiff.infilling.layout import transpose_within_range
from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.ranking import rank_takes, score_takes
from keras_symdiff.infilling.take import Take
from keras_symdiff.infilling.takes import Takes
from keras_symdiff.infilling.told import complete_plan, hear, tell
from keras_symdiff.music.melody import Melody


def make_takes(
    request: InfillRequest, preset: LoadedPreset, piece: Piece, progress: Callable[[int, int], None] | None = None
) -> Takes:
    """Composes takes in one batch and ranks them.

    Args:
        request: `InfillRequest`.
        preset: the loaded preset.
        piece: what `request.find(song)` returned.
        progress: called with (steps done, steps in total). Defaults to `None`.

    Returns:
        `Takes`.

    Raises:
        ValueError: if nothing can be composed.
    """
    melodies = compose_takes(request, preset, piece, progress)
    numbers, melodies = list(melodies), list(melodies.values())
    sounds = hear(request, piece, melodies[0].phrase_steps)
    scores = score_takes(melodies, piece.gaps, sounds, preset.training_phrases)
    before = dataclasses.replace(piece.melody, num_steps=melodies[0].num_steps, first_bar=melodies[0].first_bar)
    (original,) = score_takes([before], piece.gaps, sounds)
    order, duplicates = rank_takes(melodies, scores, piece.gaps)
    ranked = [Take(numbers[index], melodies[index], scores[index], piece) for index in order]
    ranked += [
        Take(numbers[index], melodies[index], scores[index], piece, numbers[better], share)
        for index, (better, share) in duplicates.items()
    ]
    request = dataclasses.replace(request, track=piece.melody.track + 1, track_name=None)
    return Takes(request, preset, piece, tuple(ranked), original)


def compose_takes(
    request: InfillRequest, preset: LoadedPreset, piece: Piece, progress: Callable[[int, int], None] | None = None
) -> dict[int, Melody]:
    """Composes all takes of a request in one batch.

    Args:
        request: `InfillRequest`.
        preset: the loaded preset.
        piece: what `request.find(song)` returned.
        progress: called with (steps done, steps in total). Defaults to `None`.

    Returns:
        The melody of each take, by its number from 1. Takes that have no note where rhythm or pitches are to be kept
        are left out.

    Raises:
        ValueError: if nothing can be composed.
    """
    layout = piece.layout
    sounds = hear(request, piece, layout.steps)
    told = tell(request, layout, sounds, preset.hears, preset.one_key)
    if request.like is not None:
        start = transpose_within_range(layout.with_notes(request.like), told.semitones + told.octaves)
        told = dataclasses.replace(told, start=start, variation=request.variation)
    told_takes = [told] * request.takes
    if preset.forms is not None and preset.hears and request.draws_form:
        plans = [complete_plan(layout, sounds, preset.forms, request.seed, take) for take in range(request.takes)]
        told_takes = [told.planned(*plan) for plan in plans]
    composed = compose_gaps(
        preset.model, preset.transform, preset.vae, layout.transposed(told.semitones), request.temperature,
        request.seed, progress, request.sampler, num_takes=request.takes, told=told_takes,
    )  # fmt: skip
    composed = [_moved_back(take, piece, told.semitones + told.octaves) for take in composed]
    takes, problem = {}, None
    for number, take in enumerate(composed, 1):
        try:
            for gap in piece.gaps if request.keep else ():
                take = getattr(locks, f"keep_{request.keep}")(piece.melody, take, gap)
            takes[number] = take
        except ValueError as error:
            problem = error
    if problem is not None and not takes:
        raise problem
    return takes


def _moved_back(take: Melody, piece: Piece, semitones: int) -> Melody:
    """A take in the song's own key: its notes in the gaps, all others as they were."""
    if not semitones:
        return take
    stream, result = take.events(take.num_steps), piece.melody
    for gap in piece.gaps:
        result = result.replace_steps(
            gap.first_step, transpose_within_range(stream[gap.first_step : gap.end_step], -semitones)
        )
    return result
