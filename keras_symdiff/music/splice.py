"""New bars of a melody put into the file that it came from."""

import numpy as np

from keras_symdiff import constants
from keras_symdiff.music.midi import ticks_to_steps
from keras_symdiff.write_atomically import write_atomically


def splice_melody(score, melody, first_step, end_step, path):
    """Writes a file in which one track has new notes between two steps, and every other event is what it was.

    In that track, all notes that start between the steps are replaced, accompanying ones too, and a note that sounds
    into them is cut there. The new notes lie as far off the grid as the track's notes do in the median: files of
    performances (POP909) are often a constant time early or late.

    Args:
        score: the `symusic.Score` of the original file, in ticks.
        melody: `Melody` with the new notes, as `Melody.replace_phrases` gives it.
        first_step: int, first replaced step (a sixteenth note) from the start of the file.
        end_step: int, first step after them.
        path: file to write; appears at once or not at all.
    """
    import symusic

    score = score.copy()
    track = score.tracks[melody.track]
    times = track.notes.numpy()["time"].astype(np.int64)
    steps = ticks_to_steps(times, score.tpq)
    # The upper median is some note's own distance, where the mean of the two middle ones may be no note's.
    off_grid = int(np.sort(times - steps * score.tpq // constants.STEPS_PER_QUARTER)[len(times) // 2])

    def ticks(steps):
        return np.maximum(steps * score.tpq // constants.STEPS_PER_QUARTER + off_grid, 0)

    before = [note for note, step in zip(track.notes, steps, strict=True) if step < first_step]
    after = [note for note, step in zip(track.notes, steps, strict=True) if step >= end_step]
    for note in before:
        note.duration = min(note.duration, max(1, int(ticks(first_step)) - note.time))
    chosen = (melody.start_steps >= first_step) & (melody.start_steps < end_step)
    starts, ends = ticks(melody.start_steps[chosen]), ticks(melody.end_steps[chosen])
    if after:
        ends = np.maximum(np.minimum(ends, min(note.time for note in after)), starts + 1)
    new = [
        symusic.Note(int(start), int(end - start), int(pitch), int(velocity))
        for start, end, pitch, velocity in zip(
            starts, ends, melody.pitches[chosen], melody.velocities[chosen], strict=True
        )
    ]
    track.notes = sorted([*before, *new, *after], key=lambda note: note.time)
    write_atomically(path, score.dumps_midi())
