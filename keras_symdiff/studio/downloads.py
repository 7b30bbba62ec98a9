"""What of a song can be kept besides its MIDI file: sound, a picture, the record of a take."""

import dataclasses
import io
import tempfile
import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path

from keras_symdiff.files.fit_name import fit_name
from keras_symdiff.infilling.take_record import TakeRecord, made_with, sha256
from keras_symdiff.music.midi import choose_melody, read_melodies
from keras_symdiff.music.song import Song
from keras_symdiff.render.audio import write_audio
from keras_symdiff.render.piano_roll import plot_piano_roll
from keras_symdiff.studio.workspace import MadeTake

_one_at_a_time = threading.Lock()  # sound and pictures: seconds of all there is of a small machine


def as_audio(song: Song) -> bytes:
    """A song as a WAV file.

    Raises:
        MidiError: if it lasts longer than half an hour.
    """
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "song.mid", Path(folder) / "song.wav"
        midi.write_bytes(song.data)
        write_audio(midi, wav)
        return wav.read_bytes()


def as_picture(title: str, before: Song, after: Song, takes: Sequence[MadeTake]) -> bytes:
    """The melody's piano roll as a PNG: as it is, beneath how it was if takes are in it.

    Raises:
        MidiError: if there is no melody.
    """
    if takes:
        (melody,) = (m for m in read_melodies(after) if m.track == takes[-1].take.melody.track)
        rows = [m for m in before.melodies() if m.track == melody.track]
        rows = [dataclasses.replace(row, name="before") for row in rows] + [dataclasses.replace(melody, name="after")]
    else:
        rows = [choose_melody(read_melodies(after))[0]]
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roll.png"
        plot_piano_roll(rows, path, [gap for made in takes for gap in made.gaps], title)
        return path.read_bytes()


def as_record(made: MadeTake) -> bytes:
    """A ZIP archive for `symdiff replay`: the record of a take, the file it was made from, and its own."""
    take, takes = made.take, made.takes
    ending = f"_take{take.number}"
    stem = fit_name(made.song.stem, f"{ending}_before.json") + ending
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / f"{stem}_before.mid", Path(folder) / f"{stem}.mid"
        before.write_bytes(take.piece.song.data)
        after.write_bytes(take.midi)
        record = TakeRecord(
            request=takes.request, take=take.number, midi=str(before), midi_sha256=take.piece.song.sha256,
            preset=takes.preset.name, preset_sha256=takes.preset.sha256, file=after.name,
            file_sha256=sha256(take.midi), scores=take.scores.as_json(), made_with=made_with(),
        )  # fmt: skip
        record.save(after.with_suffix(".json"))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)
    return packed.getvalue()
