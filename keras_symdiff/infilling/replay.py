"""A take made again from its record."""

from pathlib import Path

from keras_symdiff.infilling.loaded_preset import LoadedPreset
from keras_symdiff.infilling.make_takes import compose_takes
from keras_symdiff.infilling.take_record import TakeRecord, made_with, sha256
from keras_symdiff.infilling.write_takes import take_file
from keras_symdiff.write_atomically import write_atomically


def replay(record_path, folder=None, progress=None):
    """Makes a take again, to the byte, and writes its MIDI file.

    All takes of its request are composed, as they were: the last bit of a float depends on the size of the batch.

    Args:
        record_path: path of a record, as `TakeRecord.save` wrote it.
        folder: path of the folder to write to. Defaults to the record's.
        progress: callback `(steps done, steps in total)`. Defaults to `None`.

    Returns:
        Path of the file.

    Raises:
        ValueError: when the input file or the preset has changed, or the take comes out otherwise; nothing is written.
    """
    record = TakeRecord.load(record_path)
    record.check_sources()
    piece = record.request.read_piece()
    takes = compose_takes(record.request, LoadedPreset.load(record.preset), piece, progress)
    data = take_file(record.request, piece, takes[record.take]) if record.take in takes else b""
    if sha256(data) != record.file_sha256:
        now = made_with()
        differences = [f"{name} {record.made_with.get(name)} then, {now.get(name)} now"
                       for name in now if record.made_with.get(name) != now.get(name)]  # fmt: skip
        why = "; ".join(differences) or "the same versions: another processor or driver?"
        raise ValueError(f"Take {record.take} comes out otherwise than recorded ({why})")
    folder = Path(record_path).parent if folder is None else Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(record.file).name  # a record from elsewhere shall not choose the folder
    write_atomically(path, data)
    return path
