"""MIDI files as sound."""

import io
import os
import pathlib
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int, Real

from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.write_atomically import write_atomically

SAMPLE_RATE = 44_100  # samples per second
MAX_SECONDS = 1800  # keeps a hostile file, 4096 bars at one quarter a minute, from filling the memory

_SOUNDFONTS = (
    "/usr/share/sounds/sf2/default-GM.sf2",  # Debian's alternatives, then its packages
    "/usr/share/sounds/sf3/default-GM.sf3",
    "/usr/share/sounds/sf2/FluidR3_GM.sf2",
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
)
_FLUIDSYNTH_SECONDS = 300  # renders about 50 times as fast as the music plays

_HARMONICS = 8
_ATTACK, _RELEASE = 0.006, 0.06  # seconds; shorter ones click
_LONGEST_TONE = 8.0  # seconds; longer notes end here
_DRUM = 0.25  # seconds
_PEAK = 0.9  # of full scale


def write_audio(midi: str | os.PathLike, path: str | os.PathLike) -> str:
    """Renders a MIDI file to a WAV file of 44.1 kHz and 16 bits.

    All tracks sound, at the file's own tempos. FluidSynth renders in stereo where the program is installed with a
    soundfont, named by the environment variable `SOUNDFONT` or at one of Debian's places; anywhere else, or if it
    fails, `synthesise` renders in mono. The file appears at once or not at all.

    Args:
        midi: path of a MIDI file that lasts half an hour at most.
        path: path of the WAV file; an existing one is replaced.

    Returns:
        A line for the user: what rendered, and why if FluidSynth was there and failed.

    Raises:
        MidiError: if the MIDI file is not readable, or longer.
        OSError: if a file cannot be read or written.

    Example:
    ```python
    write_audio("song.mid", "song.wav")
    ```
    """
    song = Song.open(midi)
    notes = [track.notes for track in song.tracks]
    starts, ends, pitches, velocities = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(part, name) for part in notes)])
        for name in ("start", "end", "pitch", "velocity")
    )
    starts, ends = song.seconds(starts), song.seconds(ends)
    end = ends.max(initial=0.0)
    if not end <= MAX_SECONDS:
        raise MidiError(midi, f"sounds for {end / 60:.0f} minutes, more than {MAX_SECONDS // 60}")

    renderer = "the built-in synthesiser"
    program = shutil.which("fluidsynth")
    soundfont = os.environ.get("SOUNDFONT") or next(filter(os.path.isfile, _SOUNDFONTS), None)
    if program and soundfont:
        try:
            write_atomically(path, _fluidsynth(program, soundfont, midi))
            return f"FluidSynth with {soundfont}"
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            renderer += f" (FluidSynth failed with {soundfont}: {error})"

    waveform = synthesise(
        starts,
        ends - starts,
        pitches,
        velocities,
        drums=np.repeat(np.array([track.is_drum for track in song.tracks], bool), [len(part.start) for part in notes]),
    )  # (S,)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.rint(waveform * 32767).astype("<i2").tobytes())
    write_atomically(path, buffer.getvalue())
    return renderer


def synthesise(
    starts: Sequence[float] | Real[np.ndarray, " N"],
    durations: Sequence[float] | Real[np.ndarray, " N"],
    pitches: Sequence[int] | Int[np.ndarray, " N"],
    velocities: Sequence[int] | Int[np.ndarray, " N"],
    drums: Sequence[bool] | Bool[np.ndarray, " N"] | None = None,
) -> Float32[np.ndarray, " S"]:
    """Renders notes by additive synthesis: decaying harmonics, all of them below the Nyquist frequency.

    Args:
        starts: seconds.
        durations: seconds; a release of 60 ms follows.
        pitches: MIDI pitches, A4 = 69 = 440 Hz.
        velocities: MIDI velocities, the amplitude's linear measure.
        drums: where true, the pitch is a General MIDI drum, and its length its own.

    Returns:
        Samples with a greatest absolute value of 0.9, or all zeros without a note. The same notes give the
        same numbers.
    """
    pitches, velocities = np.asarray(pitches), np.asarray(velocities)
    drums = np.zeros(len(starts), bool) if drums is None else np.asarray(drums, bool)
    starts = np.rint(np.asarray(starts) * SAMPLE_RATE).astype(int)  # (N,) samples from here on
    lengths = np.rint(np.where(drums, _DRUM, durations) * SAMPLE_RATE).astype(int)  # (N,)
    attack, release = (round(seconds * SAMPLE_RATE) for seconds in (_ATTACK, _RELEASE))
    fade_in, fade_out = _half_cosine(attack), _half_cosine(release)[::-1]
    waveform = np.zeros((starts + lengths).max(initial=0) + release, np.float32)  # (S,)
    # One tone per pitch, as long as its longest note: a song has thousands of notes and some dozens of pitches.
    for pitch, is_drum in sorted(set(zip(pitches.tolist(), drums.tolist(), strict=True))):
        rows = np.flatnonzero((pitches == pitch) & (drums == is_drum))
        length = min(lengths[rows].max() + release, round(_LONGEST_TONE * SAMPLE_RATE))
        tone = (_drum if is_drum else _tone)(pitch, length)
        tone[:attack] *= fade_in
        for row in rows:
            note = tone[: lengths[row] + release] * np.float32(velocities[row] / 127)
            note[-release:] *= fade_out
            waveform[starts[row] : starts[row] + len(note)] += note
    peak = np.abs(waveform).max(initial=0)
    return waveform * np.float32(_PEAK / peak) if peak else waveform


def _tone(pitch, length):
    """Sum of h^-1.5 exp(-(1 + h) decay t) sin(h 2 pi f t) over harmonics h; high ones die first, as a string's do."""
    frequency = 440.0 * 2.0 ** ((pitch - 69) / 12)  # Hz
    decay = 0.5 * np.sqrt(frequency / 440)  # 1 / seconds
    harmonics = np.arange(1, min(_HARMONICS, int(SAMPLE_RATE / 2 / frequency)) + 1)
    # z(t) = exp((i 2 pi f - decay) t), as an outer product, for exponentials are dear: exp(a + b) = exp(a) exp(b).
    exponent = (2j * np.pi * frequency - decay) / SAMPLE_RATE
    coarse = np.exp(exponent * np.arange(0, length, 1024))
    z = np.multiply.outer(coarse.astype(np.complex64), np.exp(exponent * np.arange(1024)).astype(np.complex64))
    tone = np.zeros_like(z)
    for amplitude in harmonics[::-1] ** -1.5:  # Horner's rule
        tone += np.float32(amplitude)
        tone *= z
    envelope = np.exp(-decay / SAMPLE_RATE * np.arange(length)).astype(np.float32)
    return tone.imag.ravel()[:length] * envelope


def _drum(pitch, length):
    """Bass drums and toms as a low tone, anything else as noise; both die at once."""
    time = np.arange(length) / SAMPLE_RATE  # (S,) seconds
    if pitch in (35, 36, 41, 43, 45, 47, 48, 50):
        tone = np.sin(2 * np.pi * 1.8 * pitch * time) * np.exp(-14 * time)
    else:
        tone = 0.3 * np.random.Generator(np.random.Philox(pitch)).standard_normal(len(time)) * np.exp(-35 * time)
    return tone.astype(np.float32)


def _half_cosine(length):
    """A rise from 0 to 1 without corners, `(length,)`, float32."""
    return (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)


def _fluidsynth(program, soundfont, midi):
    """Returns the WAV file that FluidSynth makes of a MIDI file, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        rendered = pathlib.Path(folder) / "rendered.wav"
        command = [program, "-ni", "-q", "-r", str(SAMPLE_RATE), "-T", "wav", "-O", "s16", "-F", rendered]
        run = subprocess.run(
            [*command, soundfont, midi], capture_output=True, text=True, errors="replace", timeout=_FLUIDSYNTH_SECONDS
        )
        # Version 2.3 exits with 0 and writes silence where it finds no soundfont.
        if run.returncode or "error" in run.stderr or not rendered.exists():
            raise ValueError(next(iter(run.stderr.splitlines()), f"exit code {run.returncode}"))
        return rendered.read_bytes()
