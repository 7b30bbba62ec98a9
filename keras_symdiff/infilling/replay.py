"""A take made again from its record."""

from collections.abc import Callable

from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.make_takes import compose_takes
from keras_symdiff.infilling.take import take_file
from keras_symdiff.infilling.take_record import TakeRecord, made_with, sha256
from keras_symdiff.music.song import Song


def replay(
    record: TakeRecord, song: Song, preset: LoadedPreset, progress: Callable[[int, int], None] | None = None
) -> bytes:
    """Makes a take again, to the byte.

    All takes of its request are composed, as they were: the last bit of a float depends on the size of the batch.

    Args:
        record: `TakeRecord`.
        song: the song it was made from, which `record.check_sources` returns.
        preset: the loaded preset of the record.
        progress: called with (steps done, steps in total). Defaults to `None`.

    Returns:
        The bytes of the MIDI file.

    Raises:
        ValueError: if the take differs from the recorded one.
    """
    piece = record.request.find(song)
    melodies = compose_takes(record.request, preset, piece, progress)
    melody = melodies.get(record.take)
    data = b"" if melody is None else take_file(piece, melody)
    if sha256(data) != record.file_sha256:
        now = made_with()
        differences = [f"{name} {record.made_with.get(name)} then, {now.get(name)} now"
                       for name in now if record.made_with.get(name) != now.get(name)]  # fmt: skip
        why = "; ".join(differences) or "the same versions: another processor or driver?"
        if record.made_with.get("keras_symdiff") != now["keras_symdiff"]:
            why += "; versions of keras_symdiff differ in loudness and placing of notes"
        raise ValueError(f"Take {record.take} differs from the recorded one ({why})")
    return data
