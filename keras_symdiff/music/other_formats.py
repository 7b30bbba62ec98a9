"""MusicXML, ABC and NoteSequence files as MIDI: note-seq reads them, where it is installed."""

import io
import os
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

MUSICXML = (".xml", ".musicxml", ".mxl")
ABC = (".abc",)
NOTE_SEQUENCE = (".pb", ".tfrecord")
OTHER_SUFFIXES = MUSICXML + ABC + NOTE_SEQUENCE


def read_as_midi(path: str | os.PathLike, most_bytes: int) -> list[tuple[str, bytes]]:
    """Reads a MusicXML, ABC or NoteSequence file as MIDI.

    Args:
        path: path of MusicXML (`.xml`, `.musicxml`, `.mxl`), ABC (`.abc`), a serialised `NoteSequence` (`.pb`) or
            TFRecords of them (`.tfrecord`).
        most_bytes: size of the largest file to read.

    Returns:
        A list of (name, bytes of a MIDI file), one per tune. Tunes of an ABC file that note-seq cannot read are left
        out, as long as there is another.

    Raises:
        ImportError: if note-seq is not installed.
        ValueError: if the file cannot be read; the message is the reason alone.
        OSError: if the file cannot be opened.

    Example:
    ```python
    for name, midi in read_as_midi("tunes.abc", most_bytes=1 << 24):
        print(name, len(midi))
    ```
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Couldn't find ffmpeg", RuntimeWarning)  # of pydub, which plays sounds
            import note_seq
    except ImportError as error:
        raise ImportError(
            f"{path}: MusicXML, ABC and NoteSequence files need note-seq: pip install 'keras_symdiff[note-seq]'"
        ) from error

    suffix = path.suffix.lower()
    if path.stat().st_size > most_bytes:
        raise ValueError(f"is larger than {most_bytes >> 20} MiB")
    if suffix == ".mxl":
        _check_unpacked_size(path, most_bytes)
    try:
        if suffix in MUSICXML:
            sequences = [("", note_seq.musicxml_file_to_sequence_proto(str(path)))]
        elif suffix in ABC:
            sequences = _read_abc(path)
        else:
            records = _records(path.read_bytes(), suffix)
            sequences = [(sequence.id, sequence) for sequence in map(note_seq.NoteSequence.FromString, records)]
        return [(name, _to_midi(sequence)) for name, sequence in sequences]
    except OSError:
        raise
    except Exception as error:  # note-seq's parsers raise whatever a malformed file leads them into
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"is damaged ({reason})") from error


def _check_unpacked_size(path, most_bytes):
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(f"is damaged ({error})") from error
    if size > most_bytes:
        raise ValueError(f"unpacks to more than {most_bytes >> 20} MiB")


def _read_abc(path):
    from note_seq import abc_parser

    tunes, problems = abc_parser.parse_abc_tunebook(path.read_text(encoding="utf-8", errors="replace"))
    if not tunes:
        raise problems[0] if problems else ValueError("it has no tune")
    return [(f"{number} {tune.sequence_metadata.title}".strip(), tune) for number, tune in tunes.items()]


def _records(data: bytes, suffix: str) -> Iterator[bytes]:
    """The serialised messages of a file: the whole of it, or TFRecords, whose checksums are not looked at."""
    if suffix == ".pb":
        yield data
        return
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        if at + length + 16 > len(data):
            raise ValueError("a record is longer than the file")
        yield data[at + 12 : at + 12 + length]
        at += length + 16


def _to_midi(sequence):
    from note_seq import midi_io

    buffer = io.BytesIO()
    midi_io.note_sequence_to_pretty_midi(sequence).write(buffer)
    return buffer.getvalue()
