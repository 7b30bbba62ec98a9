"""Several takes of the same bars, ranked."""

import dataclasses

from keras_symdiff.infilling import locks as lock
from keras_symdiff.infilling.compose_gaps import compose_gaps
from keras_symdiff.infilling.infill_request import InfillRequest, Piece
from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.ranking import rank_takes, score_takes


@dataclasses.dataclass(frozen=True, eq=False)
class Takes:
    """Takes of one request, in the order of their noise: take `n` of a seed is the same however many are made.

    Args:
        request: `InfillRequest`, which names the track that was chosen.
        preset: `LoadedPreset` that composed them.
        piece: `Piece` as it was.
        melodies: dict of take (int from 1) to `Melody`.
        scores: dict of take to `TakeScores`.
        order: list of the takes that are worth hearing, best first.
        twins: dict of each near-duplicate to (better take, share of notes in both).
    """

    request: InfillRequest
    preset: LoadedPreset
    piece: Piece
    melodies: dict
    scores: dict
    order: list
    twins: dict

    def write(self, folder, audio=False):
        """Writes the takes in `order` to a folder; see `write_takes`."""
        from keras_symdiff.infilling.write_takes import write_takes

        return write_takes(self, folder, audio)


def make_takes(request, preset, progress=None, piece=None):
    """Composes takes in one batch and ranks them.

    Args:
        request: `InfillRequest`.
        preset: `LoadedPreset`.
        progress: callback `(steps done, steps in total)`. Defaults to `None`.
        piece: what `request.read_piece()` returned, if it was called already. Defaults to `None`.

    Returns:
        `Takes`.

    Raises:
        MidiError: if the file cannot be used.
        ValueError: if nothing can be composed.

    Example:
    ```python
    takes = make_takes(InfillRequest("song.mid", bars=("17-32",), num_takes=8), LoadedPreset.load())
    takes.write("out")
    ```
    """
    piece = piece or request.read_piece()
    melodies = compose_takes(request, preset, piece, progress)
    numbers = list(melodies)
    scores = score_takes(list(melodies.values()), piece.gaps, preset.training_phrases)
    order, twins = rank_takes(list(melodies.values()), scores, piece.gaps)
    return Takes(
        dataclasses.replace(request, track=piece.melody.track + 1, track_name=None),
        preset,
        piece,
        melodies,
        dict(zip(numbers, scores, strict=True)),
        [numbers[index] for index in order],
        {numbers[index]: (numbers[better], share) for index, (better, share) in twins.items()},
    )


def compose_takes(request, preset, piece, progress=None):
    """Composes all takes of a request in one batch.

    Args:
        request: `InfillRequest`.
        preset: `LoadedPreset`.
        piece: what `request.read_piece()` returned.
        progress: callback `(steps done, steps in total)`. Defaults to `None`.

    Returns:
        Dict of take (int from 1) to `Melody`. Takes that have no note where rhythm or pitches are to be kept are left
        out.

    Raises:
        ValueError: if nothing can be composed.
    """
    composed = compose_gaps(
        preset.model, preset.transform, preset.vae, piece.melody, piece.gaps, request.temperature, request.seed,
        progress, request.sampler, num_takes=request.num_takes,
    )  # fmt: skip
    takes, problem = {}, None
    for number, take in enumerate(composed, 1):
        try:
            for gap in piece.gaps if request.keep else ():
                take = getattr(lock, f"keep_{request.keep}")(piece.melody, take, gap)
            takes[number] = take
        except ValueError as error:
            problem = error
    if not takes:
        raise problem
    return takes
