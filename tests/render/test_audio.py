import os
import shutil
import wave

import numpy as np
import pytest
import symusic

from keras_symdiff import Melody, write_midi
from keras_symdiff.music.song import MidiError
from keras_symdiff.render import audio
from keras_symdiff.render.audio import SAMPLE_RATE, synthesise, write_audio

NEEDS_FLUIDSYNTH = pytest.mark.skipif(
    not shutil.which("fluidsynth") or not any(map(os.path.isfile, audio._SOUNDFONTS)),
    reason="FluidSynth and a soundfont are not installed",
)


@pytest.fixture(autouse=True)
def no_fluidsynth(monkeypatch, request):
    """The built-in synthesiser, whatever is installed, but for tests that ask for FluidSynth."""
    monkeypatch.delenv("SOUNDFONT", raising=False)
    if not any(mark.name == "skipif" for mark in request.node.iter_markers()):
        monkeypatch.setenv("PATH", "/nonexistent")


def read_wav(path):
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLE_RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def render(melodies, folder):
    write_midi(melodies, folder / "tune.mid")
    assert write_audio(folder / "tune.mid", folder / "tune.wav") == "the built-in synthesiser"
    return read_wav(folder / "tune.wav")


def at(waveform, first, last):
    return waveform[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)]


@pytest.mark.parametrize("pitch", [21, 45, 69, 96, 108])
def test_a_note_has_its_pitch_and_nothing_above_its_harmonics(pitch):
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    waveform = synthesise([0], [2], [pitch], [100])
    window = np.hanning(2 * SAMPLE_RATE)
    power = np.abs(np.fft.rfft(waveform[: 2 * SAMPLE_RATE] * window)) ** 2
    bins = np.fft.rfftfreq(2 * SAMPLE_RATE, 1 / SAMPLE_RATE)
    assert bins[power.argmax()] == pytest.approx(frequency, abs=0.5)  # a bin is half a hertz
    # All power lies at multiples of the frequency: an alias would lie between them.
    beside = np.abs(bins / frequency - np.rint(bins / frequency)) * frequency > 12
    assert power[beside].sum() < 1e-4 * power.sum()


def test_a_rest_is_silent_and_notes_begin_and_end_without_a_click():
    waveform = synthesise([0.5, 2.0], [0.5, 0.5], [60, 67], [100, 100])
    assert len(waveform) == round(2.56 * SAMPLE_RATE)
    assert not at(waveform, 0, 0.5).any()
    assert not at(waveform, 1.06, 2.0).any()
    assert np.abs(at(waveform, 0.9, 1.0)).max() > 0.1
    # Between samples the wave moves no faster than in the middle of a note.
    step = np.abs(np.diff(waveform))
    for first, last in ((0.49, 0.505), (0.99, 1.07), (1.99, 2.005), (2.49, 2.57)):
        assert at(step, first, last).max() < 1.2 * at(step, 0.51, 0.9).max()
    assert abs(waveform[-1]) < 1e-4


def test_a_loud_chord_does_not_clip_and_a_silent_file_is_written(tmp_path):
    chord = synthesise(np.zeros(60), np.ones(60), np.arange(30, 90), np.full(60, 127))
    assert np.abs(chord).max() == pytest.approx(0.9)
    assert not synthesise([], [], [], []).any()
    symusic.Score(480).dump_midi(tmp_path / "empty.mid")
    write_audio(tmp_path / "empty.mid", tmp_path / "empty.wav")
    assert not read_wav(tmp_path / "empty.wav").any()


def test_velocity_is_loudness():
    waveform = synthesise([0, 1], [0.5, 0.5], [60, 60], [120, 30])
    assert at(np.abs(waveform), 0, 0.5).max() / at(np.abs(waveform), 1, 1.5).max() == pytest.approx(4, rel=1e-3)


def test_the_tempo_map_is_followed(tmp_path):
    # A quarter at 120, then one at 30: 0.5 and 2 seconds.
    melody = Melody([60, 72, 60], [0, 4, 8], [4, 8, 12], tempos=((0, 120.0), (4, 30.0), (8, 240.0)))
    waveform = render(melody, tmp_path)
    assert len(waveform) == round((0.5 + 2 + 0.25 + 0.06) * SAMPLE_RATE)
    for first, last, pitch in ((0.1, 0.4, 60), (0.7, 2.4, 72), (2.58, 2.72, 60)):
        part = at(waveform, first, last)
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18))
        peak = power.argmax() * SAMPLE_RATE / (1 << 18)
        assert peak == pytest.approx(440 * 2 ** ((pitch - 69) / 12), rel=0.01)


def test_all_tracks_sound_drums_too_and_the_bytes_are_the_same_each_time(tmp_path):
    melody, bass = Melody([72], [0], [8]), Melody([40], [16], [24])
    both = render([melody, bass], tmp_path)
    assert np.abs(at(both, 0.1, 0.9)).max() > 0.1
    assert np.abs(at(both, 2.1, 2.9)).max() > 0.1
    score = symusic.Score(tmp_path / "tune.mid")
    drums = symusic.Track("drums", 0, True)
    for tick, pitch in ((2400, 36), (2640, 38)):
        drums.notes.append(symusic.Note(tick, 10, pitch, 100))
    score.tracks.append(drums)
    score.dump_midi(tmp_path / "drums.mid")
    write_audio(tmp_path / "drums.mid", tmp_path / "a.wav")
    write_audio(tmp_path / "drums.mid", tmp_path / "b.wav")
    waveform = read_wav(tmp_path / "a.wav")
    assert len(waveform) == round((2640 / 960 + 0.25 + 0.06) * SAMPLE_RATE)
    assert np.abs(at(waveform, 2.5, 2.6)).max() > 0.1
    assert np.abs(at(waveform, 2.75, 2.85)).max() > 0.01
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_a_file_that_lasts_for_days_is_refused(tmp_path):
    write_midi(Melody([60], [60_000], [60_004], tempos=((0, 4.0),)), tmp_path / "long.mid")
    with pytest.raises(MidiError, match=r"long.mid: sounds for 3750 minutes, more than 30"):
        write_audio(tmp_path / "long.mid", tmp_path / "long.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["long.mid"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "exit code 3"),
        ("exit 0", "exit code 0"),
        ('echo "fluidsynth: error: no soundfont" >&2; exit 0', "fluidsynth: error: no soundfont"),
    ],
)
def test_where_fluidsynth_fails_the_built_in_synthesiser_renders_and_says_so(tmp_path, monkeypatch, script, reason):
    program = tmp_path / "fluidsynth"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SOUNDFONT", "any.sf2")
    write_midi(Melody([60], [0], [4]), tmp_path / "tune.mid")
    renderer = write_audio(tmp_path / "tune.mid", tmp_path / "tune.wav")
    assert renderer == f"the built-in synthesiser (FluidSynth failed with any.sf2: {reason})"
    assert len(read_wav(tmp_path / "tune.wav")) == round(0.56 * SAMPLE_RATE)


@NEEDS_FLUIDSYNTH
def test_fluidsynth_renders_where_it_is(tmp_path):
    write_midi(Melody([60], [0], [4]), tmp_path / "tune.mid")
    assert write_audio(tmp_path / "tune.mid", tmp_path / "tune.wav").startswith("FluidSynth with /usr/share/sounds/")
    with wave.open(str(tmp_path / "tune.wav"), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (2, SAMPLE_RATE)
        assert np.frombuffer(file.readframes(file.getnframes()), "<i2").any()
