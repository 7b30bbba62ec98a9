"""POP909's songs on their annotated bars.

    python recipes/pop909.py POP909 OUTPUT

writes a MIDI file per song whose bars are those one hears. POP909 is a clone of the data set's repository, or a folder
of `NNN.mid` and `NNN.beats.txt`.
"""

from pathlib import Path
from typing import Any

import click
import numpy as np
import symusic

from keras_symdiff.write_atomically import write_atomically

MARGIN = 8  # beats at least, on both sides of the annotated ones, for notes outside them
TICKS = 480  # per quarter


def find_songs(folder):
    """The MIDI files of POP909's songs, in order: `NNN.mid`, or `NNN/NNN.mid`."""
    folder = Path(folder)
    return sorted([*folder.glob("[0-9][0-9][0-9].mid"), *folder.glob("**/[0-9][0-9][0-9]/[0-9][0-9][0-9].mid")])


def on_annotated_bars(path):
    """Puts a song on its annotated beats.

    Tempo and time signature events of these files are meaningless as metre. Beside each lie its beats, one row per
    quarter of seconds and two flags, the second of which is the downbeat's. MELODY is joined by the notes of BRIDGE in
    the bars in which it starts none: the top note of both would leap from one to the other and back.

    Args:
        path: path of a MIDI file of POP909.

    Returns:
        bytes of a MIDI file with the tracks MELODY and PIANO, a time signature wherever bars change their length, and
        one tempo.
    """
    path = Path(path)
    annotated = path.with_suffix(".beats.txt")
    times, _, downbeats = np.loadtxt(annotated if annotated.exists() else path.parent / "beat_midi.txt", unpack=True)
    rows = np.flatnonzero(downbeats)
    usual = int(np.median(np.diff(rows)))  # quarters per bar
    added = usual * -(-(rows[0] + MARGIN) // usual) - rows[0]  # so that whole bars lead up to the first downbeat
    before = times[0] - np.arange(added, 0, -1) * (times[1] - times[0])
    after = times[-1] + np.arange(1, MARGIN + 1) * (times[-1] - times[-2])
    times, rows = np.concatenate([before, times, after]), rows + added

    score: Any = symusic.Score(path)
    source = {track.name: track for track in score.to("second").tracks}
    notes = {name: source[name].notes.numpy() for name in ("MELODY", "BRIDGE", "PIANO")}
    quarters = np.arange(len(times))
    starts, ends = (
        {
            name: np.interp(values["time"] + length * values["duration"], times, quarters)
            for name, values in notes.items()
        }
        for length in (0, 1)
    )
    # Each file lies off its beats by one small constant: the most common distance of its onsets from the sixteenths.
    distances = np.round((4 * starts["MELODY"] + 0.5) % 1 - 0.5, 2)
    values, counts = np.unique(distances, return_counts=True)
    offset = values[counts.argmax()] / 4
    starts, ends = (
        {name: np.maximum(np.round(TICKS * (at - offset)), 0).astype(np.int32) for name, at in of.items()}
        for of in (starts, ends)
    )

    score = symusic.Score(TICKS)
    score.tempos.append(symusic.Tempo(0, 60 / np.median(np.diff(times))))
    lengths = [usual, *np.diff(rows), usual]
    for row, length, earlier in zip([0, *rows], lengths, [None, *lengths[:-1]], strict=True):
        if length != earlier:
            score.time_signatures.append(symusic.TimeSignature(int(row) * TICKS, int(length), 4))
    bars = {
        name: np.searchsorted(rows * TICKS, starts[name] + TICKS // 8, side="right") for name in ("MELODY", "BRIDGE")
    }
    free = ~np.isin(bars["BRIDGE"], bars["MELODY"])
    for name, parts in {"MELODY": (("MELODY", ...), ("BRIDGE", free)), "PIANO": (("PIANO", ...),)}.items():
        track: Any = symusic.Track(name, 0, False)
        for part, kept in parts:
            columns = (
                starts[part],
                np.maximum(ends[part] - starts[part], 1),
                notes[part]["pitch"].astype(np.int8),
                notes[part]["velocity"].astype(np.int8),
            )
            track.notes.extend(symusic.Note.from_numpy(*(column[kept] for column in columns)))
        score.tracks.append(track)
    return score.dumps_midi()


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
def main(source, target):
    """Writes the songs of the folder SOURCE on their annotated bars to the folder TARGET."""
    target.mkdir(parents=True, exist_ok=True)
    songs = find_songs(source)
    for path in songs:
        write_atomically(target / path.name, on_annotated_bars(path))
    click.echo(f"{len(songs)} songs in {target}")


if __name__ == "__main__":
    main()
