"""Reads damaged files with every reader of what comes from outside.

    python benchmarks/fuzz.py --minutes 10 --seed 0

Small real files are damaged at random: bytes are changed, left out, repeated and cut off; numbers and arrays are
replaced by others of other types, sizes and values, with lengths put right again in half of the cases. A
reader must read what is left, or refuse it with its own error in one line, and soon. Prints a Markdown table; the exit
code is 1 if a reader failed. `tests/benchmarks/test_fuzz.py` does some seconds of the same.
"""

import argparse
import collections
import copy
import hashlib
import io
import json
import pathlib
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from keras_symdiff.infilling.take_record import TakeRecord
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.latents.latent_transform import LatentTransform
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.corpus import Corpus
from keras_symdiff.music.form import FormTable
from keras_symdiff.music.melody import Melody
from keras_symdiff.music.midi import choose_melody
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.music.splice import splice_melody
from keras_symdiff.presets.preset import read_config, read_weights, set_weights
from keras_symdiff.presets.training_phrases import read_training_phrases, write_training_phrases
from keras_symdiff.training.record_options import record_options
from keras_symdiff.vae.music_vae import MusicVAE
from tfds_lmd_latents.midi_files import open_source

DATA = pathlib.Path(__file__).parents[1] / "tests" / "data"
TAKES = DATA.parent / "golden" / "takes"
SCORE = b"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="3.0">
<part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><time><beats>3</beats><beat-type>4</beat-type></time></attributes>
<direction><sound tempo="97"/></direction>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration></note>
<note><rest/><duration>2</duration></note>
</measure></part>
</score-partwise>
"""
TUNE = b"X:1\nT:Tune\nM:4/4\nL:1/8\nQ:1/4=120\nK:G\n|:CDEF G2Bc|d4 e2f2:|\n"
ODD_VALUES = (
    None, True, -1, 0, 1, 2**16, 2**31, 10**12, 10**400, 0.5, -1e300, "", "\0", "../../x", "a" * 300, "\ud800",
    [], {}, [[]], [1, "a"], {"a": {}},
)  # fmt: skip


def damage_bytes(data, stream):
    """Changes, leaves out, repeats or cuts off some bytes."""
    data = bytearray(data)
    for _ in range(stream.integers(1, 4)):
        first = int(stream.integers(len(data) + 1))
        end = min(len(data), first + int(stream.integers(1, 20)))
        kind = stream.integers(6)
        if kind == 0:
            data[first:end] = stream.bytes(end - first)
        elif kind == 1:
            del data[first:end]
        elif kind == 2:
            data[first:first] = data[first:end] * int(stream.integers(1, 4))
        elif kind == 3:
            data[first:end] = bytes([stream.choice([0, 1, 127, 128, 255])]) * (end - first)
        elif kind == 4 and len(data) > first:
            data[first] ^= 1 << int(stream.integers(8))
        elif stream.random() < 0.2:
            del data[first:]
    return bytes(data)


def damage_midi(data, stream):
    """As bytes, half of them with the lengths of the chunks put right."""
    data = damage_bytes(data, stream)
    if stream.random() < 0.5:
        parts = data.split(b"MTrk")
        data = parts[0] + b"".join(b"MTrk" + struct.pack(">I", max(0, len(part) - 4)) + part[4:] for part in parts[1:])
    return data


def damage_npz(data, stream):
    """As bytes, or other arrays in an archive that is whole."""
    if stream.random() < 0.3:
        return damage_bytes(data, stream)
    with np.load(io.BytesIO(data)) as archive:
        arrays = dict(archive)
    for _ in range(min(len(arrays), stream.integers(1, 3))):
        name = str(stream.choice(sorted(arrays)))
        array = arrays[name].copy()
        kind = stream.integers(7)
        if kind == 0:
            del arrays[name]
            continue
        if kind == 1 and array.ndim:
            array = np.delete(array, stream.integers(len(array)), axis=0) if len(array) else array
        elif kind == 2 and array.dtype.kind in "iuf" and array.size:
            odd = [-1, 127, 2**30] + [np.nan, np.inf] * (array.dtype.kind == "f")
            info = np.iinfo(array.dtype) if array.dtype.kind in "iu" else np.finfo(array.dtype)
            array.flat[stream.integers(array.size)] = np.clip(stream.choice(odd), info.min, info.max)
        elif kind == 3:
            array = np.zeros(array.shape, stream.choice(["f4", "f8", "i8", "u1", "U4", "c8", "?"]))
        elif kind == 4:
            array = array.reshape(-1) if stream.random() < 0.5 else array[None]
        elif kind == 5:
            array = array[()] if not array.ndim else array[:0]
        else:
            array = np.zeros(stream.integers(0, 5, stream.integers(0, 4)), array.dtype)
        arrays[name] = array
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def damage_json(data, stream):
    """As bytes, or other values in JSON that is whole."""
    if stream.random() < 0.3:
        return damage_bytes(data, stream)
    value = json.loads(data)
    for _ in range(stream.integers(1, 4)):
        parent, key = {"": value}, ""
        while parent[key] and isinstance(parent[key], dict | list) and (key == "" or stream.random() < 0.8):
            parent = parent[key]
            keys = list(parent) if isinstance(parent, dict) else range(len(parent))
            key = keys[stream.integers(len(keys))]
        if stream.random() < 0.15:
            del parent[key]
        else:
            parent[key] = copy.deepcopy(ODD_VALUES[stream.integers(len(ODD_VALUES))])
    return json.dumps(value).encode()


def read_midi(path):
    """Reads all of a song, and puts other notes into it."""
    song = Song.open(path)
    melodies = song.melodies()
    for melody in melodies:
        melody.phrases()
    song.grid.bar_lines(song.num_steps)
    song.seconds(song.tempos.ticks)
    if melodies:
        melody, _ = choose_melody(melodies)
        first = int(melody.start_steps[0])
        changed = melody.replace_steps(first, np.full(16, 41, np.int8))
        Song.open(splice_melody(song, changed, [(first, first + 16)])).melodies()


def read_latents(path):
    """Reads latents as training does."""
    latents = LatentCorpus.load(path)
    latents.windows()
    latents.corpus.distinct()


class Reader(NamedTuple):
    """A reader: files as they should be, what damages them, what reads a path, and its own error."""

    files: list
    damage: Callable
    read: Callable
    error: type = ValueError


def readers(folder):
    """Makes the files of every reader.

    Args:
        folder: `pathlib.Path` to make them in.

    Returns:
        Dict of `Reader` by name.
    """
    songs = [path.read_bytes() for path in sorted(DATA.glob("*/*.mid"), key=lambda path: path.stat().st_size)[:8]]
    vae = MusicVAE(latent_dim=4, encoder_units=4, decoder_units=(4,))
    vae.save_preset(folder)
    part = folder / "music_vae"
    stream = np.random.default_rng(0)
    tokens = stream.integers(0, 90, (40, 32)).astype(np.int8)
    corpus = Corpus(tokens, ~tokens.any(axis=1), np.array([0, 8, 40]), ["a#b", "c#d"], 2, [("x.mid", "is empty")])
    LatentCorpus.encode(vae, corpus).save(folder / "latents.npz")
    LatentTransform(np.array([0, 2]), [-1.0, -2.0], [1.0, 2.0], 4).save(folder / "transform.json")
    write_training_phrases(folder, tokens)
    FormTable.of([tokens[:32], tokens[:20]]).save(folder / "forms.npz")
    with zipfile.ZipFile(folder / "songs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("below/1.mid", songs[0])
        archive.writestr("2.mid", songs[1])
    for kind in ("tar", "tar.gz", "tar.xz"):
        with tarfile.open(folder / f"songs.{kind}", f"w:{kind[4:]}") as archive:
            archive.add(folder / "latents.npz", "below/1.mid")

    def read_vae(path):
        card = {"config": {}, "weights_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        (path.parent / "config.json").write_text(json.dumps(card))
        path.rename(path.parent / "weights.npz")
        set_weights(vae, read_weights(path.parent), path.parent)

    def read_part(path):
        path.rename(path.parent / "config.json")
        read_config(path.parent)

    def read_phrases(path):
        path.rename(path.parent / "training_phrases.npz")
        read_training_phrases(path.parent)

    def made(*names):
        return [(folder / name).read_bytes() for name in names]

    def read_options(path):
        record_options(path, {"seed": 1})

    def read_as(suffix):
        return lambda path: Song.open(path.rename(path.with_suffix(suffix))).melodies()

    sequence = Melody.from_phrases(tokens[:2]).to_note_sequence().SerializeToString()
    archives = made("songs.zip", "songs.tar", "songs.tar.gz", "songs.tar.xz")
    records = [path.read_bytes() for path in sorted(TAKES.glob("*.json"))]
    return {
        "MIDI": Reader(songs, damage_midi, read_midi, MidiError),
        "latents (.npz)": Reader(made("latents.npz"), damage_npz, read_latents),
        "training phrases (.npz)": Reader(made("training_phrases.npz"), damage_npz, read_phrases),
        "forms (.npz)": Reader(made("forms.npz"), damage_npz, FormTable.load),
        "weights of the right hash (.npz)": Reader([(part / "weights.npz").read_bytes()], damage_npz, read_vae),
        "config (.json)": Reader([(part / "config.json").read_bytes()], damage_json, read_part),
        "transform (.json)": Reader(made("transform.json"), damage_json, LatentTransform.load),
        "record of a take (.json)": Reader(records, damage_json, TakeRecord.load),
        "options of a run (.json)": Reader([b'{"seed": 1}'], damage_json, read_options),
        "archives (.zip, .tar)": Reader(archives, damage_bytes, lambda path: open_source(path, path.parent / "out")),
        "MusicXML": Reader([SCORE], damage_bytes, read_as(".xml"), MidiError),
        "ABC": Reader([TUNE], damage_bytes, read_as(".abc"), MidiError),
        "NoteSequence": Reader([sequence], damage_bytes, read_as(".pb"), MidiError),
        "chords (text)": Reader([b"C | Am7 F/A | % | N.C.\nG7 Bb | C"], damage_bytes, Chords.open),
    }


def try_reader(reader, seed, number):
    """Reads one damaged file.

    Args:
        reader: `Reader`.
        seed: int.
        number: int; `(seed, number)` is always the same file.

    Returns:
        Tuple of `"read"`, `"refused"` or a traceback, and the seconds that it took.
    """
    stream = np.random.default_rng([seed, number])
    data = reader.damage(reader.files[stream.integers(len(reader.files))], stream)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")  # what a reader mutters is no line of its own
        path = pathlib.Path(folder, "damaged")
        path.write_bytes(data)
        start = time.perf_counter()
        try:
            reader.read(path)
            result = "read"
        except reader.error as error:
            result = "refused" if str(error) else f"an error without a message: {error!r}"
        except OSError as error:
            result = "refused" if error.filename else traceback.format_exc()  # a name that no file can have
        except Exception:
            result = traceback.format_exc()
        return result, time.perf_counter() - start


def main():
    """Runs all readers in turn for some minutes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="in all (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other files (default: 0)")
    parser.add_argument("--only", default="", help="readers whose name holds this")
    arguments = parser.parse_args()
    failed = 0
    print("| reader | files | read | refused | slowest | failed |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        chosen = {name: reader for name, reader in readers(pathlib.Path(folder)).items() if arguments.only in name}
        for name, reader in chosen.items():
            results, slowest, failures = collections.Counter(), 0.0, {}
            end = time.monotonic() + 60 * arguments.minutes / len(chosen)
            while time.monotonic() < end:
                number = results.total()
                result, seconds = try_reader(reader, arguments.seed, number)
                if result not in ("read", "refused"):
                    failures.setdefault(result.strip().splitlines()[-1], (number, result))
                    result = "failed"
                results[result] += 1
                slowest = max(slowest, seconds)
            failed += results["failed"]
            print(
                f"| {name} | {results.total():,} | {results['read']:,} | {results['refused']:,} | {slowest:.2f} s "
                f"| {results['failed']:,} |",
                flush=True,
            )
            for number, failure in failures.values():
                print(f"--- {name}, file {number} ---\n{failure}", file=sys.stderr)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
