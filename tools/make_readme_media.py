"""Makes the pictures and sounds of README again, after the default preset has changed.

    python tools/make_readme_media.py [FOLDER]

FOLDER is `docs` by default. Needs Chromium, for the picture of the page of takes, and `pip install soundfile`.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_symdiff import Composer, Melody, Song, write_midi
from keras_symdiff.evaluation.figures import plot_piano_roll_sheet
from keras_symdiff.music.chord_symbols import Chords
from keras_symdiff.music.heard_chords import heard_chords
from keras_symdiff.render.audio import write_audio
from keras_symdiff.render.piano_roll import draw_notes, set_pitch_axis

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "song.mid"
SONG, GAP = ROOT / "tests" / "data" / "pop909" / "225.mid", (29, 36)  # held out: its number is divisible by 15
AROUND = 4  # bars that pictures and sounds show before and after the new ones
CHORDS = "C | Am | F | G7 | C | Em | Dm G7 | C"
GIVEN, NEW = "#1f4e79", "#c55a11"


def main(folder: Path) -> None:
    """Writes all files into a folder."""
    composer = Composer.from_preset()
    with tempfile.TemporaryDirectory() as scratch:
        infill_the_example(composer, folder, Path(scratch))
        infill_a_song(composer, folder, Path(scratch))
        compose_over_chords(composer, folder, Path(scratch))
    pieces = composer.compose(6, seed=0)
    tokens = np.stack([melody.phrases()[0] for melody in pieces])
    plot_piano_roll_sheet(tokens, folder / "samples.png", f"Diffusion: new pieces of {composer.name}, seed 0")
    (folder / "samples.svg").unlink()


def infill_the_example(composer: Composer, folder: Path, scratch: Path) -> None:
    """Draws the example song before and after, and takes a picture of the page of its eight takes."""
    written = composer.infill(EXAMPLE, bars="17-24", seed=0).write(scratch)
    shutil.copy(written.files[0].with_suffix(".png"), folder / "infill.png")
    takes = composer.infill(EXAMPLE, bars="17-32", takes=8, seed=0)
    with contextlib.chdir(scratch):  # the page shows the folder as it is named
        page = takes.write("out").page
    assert page is not None  # several takes have one
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1180,890",
         f"--screenshot={folder / 'takes.png'}", (scratch / page).as_uri()],
        check=True, capture_output=True,
    )  # fmt: skip


def infill_a_song(composer: Composer, folder: Path, scratch: Path) -> None:
    """Draws a song's melody before and after with the chords above, and renders the second with all tracks."""
    first, last = GAP
    song = Song.open(SONG)
    take = composer.infill(song, bars=f"{first}-{last}", takes=8, seed=0).best
    before = next(melody for melody in song.melodies() if melody.track == take.melody.track)
    chords = heard_chords(song, before.track)
    assert chords is not None  # the song has other tracks
    symbols = [" ".join(bar) for bar in chords.bars]
    rows = {"as it was": before, f"bars {first} to {last} anew": take.melody}
    draw_with_chords(rows, symbols, (first - AROUND, last + AROUND + 1), GAP, folder / "infill_chords.png")
    (scratch / "take.mid").write_bytes(take.midi)
    lines = song.grid.bar_lines(song.num_steps)
    start, end = song.seconds(np.asarray(song.grid.ticks(lines[[first - AROUND - 1, last + AROUND]])))
    record(scratch / "take.mid", start, end, folder / "infill_chords.mp3")


def compose_over_chords(composer: Composer, folder: Path, scratch: Path) -> None:
    """Draws and renders a melody over given chords."""
    melody = composer.compose(1, seed=0, chords=CHORDS, bars=16)[0]
    chords = Chords.parse(CHORDS)
    symbols = [" ".join(bar) for bar in chords.bars] * (16 // len(chords.bars))
    draw_with_chords({"new": melody}, symbols, (1, 17), (1, 16), folder / "over_chords.png")
    write_midi(melody, scratch / "new.mid", chords)
    record(scratch / "new.mid", 0.0, 32.0, folder / "over_chords.mp3")  # 16 bars at 120 quarters per minute


def draw_with_chords(
    rows: dict[str, Melody], symbols: Sequence[str], bars: tuple[int, int], new: tuple[int, int], path: Path
) -> None:
    """Draws melodies above each other, from a bar to another, with a chord symbol above each bar.

    Args:
        rows: melodies by what stands beside them.
        symbols: the chords of each bar of the song.
        bars: the first one drawn, and the one after the last.
        new: the first and last bar that were composed; the last melody's notes in them have another colour.
        path: path of the PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.7 + 1.9 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    shown = []
    for axis, (name, melody) in zip(axes, rows.items(), strict=True):
        bar = melody.grid.bar_of(melody.start_steps) + 1
        inside = (bar >= new[0]) & (bar <= new[1]) & (axis is axes[-1])
        draw_notes(axis, melody, np.where(inside, NEW, GIVEN))
        shown.append(melody.pitches[(bar >= bars[0]) & (bar < bars[1])])
        axis.set_ylabel(name, fontsize=9)
        axis.grid(color="0.85", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8, length=2)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].axvspan(new[0], new[1] + 1, facecolor=NEW, alpha=0.08, zorder=0)
    for number in range(*bars):
        axes[0].annotate(
            symbols[number - 1], (number + 0.5, 1.02), xycoords=("data", "axes fraction"), ha="center", fontsize=7
        )
    set_pitch_axis(axes[0], list(rows.values()))
    pitches = np.concatenate(shown)
    axes[0].set_ylim(pitches.min() - 2, pitches.max() + 2)
    axes[0].set_xticks(range(*bars))
    axes[0].set_xlim(*bars)
    axes[-1].set_xlabel("bar", fontsize=9)
    figure.savefig(path, dpi=150)


def record(midi: Path, start: float, end: float, path: Path) -> None:
    """Renders seconds of a MIDI file to mono MP3, with a fade at the end."""
    import soundfile

    wav = midi.with_suffix(".wav")
    write_audio(midi, wav)
    sound, rate = soundfile.read(wav, always_2d=True)
    sound = sound[int(start * rate) : int((end + 0.5) * rate)].mean(axis=1)
    fade = min(rate // 2, len(sound))
    sound[-fade:] *= np.linspace(1, 0, fade)
    soundfile.write(str(path), sound, rate, format="MP3", bitrate_mode="VARIABLE", compression_level=0.7)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
