"""New bars of a melody put into the file that it came from."""

from keras_symdiff import constants
from keras_symdiff.music.midi import write_atomically


def splice_melody(score, melody, first_step, end_step, path):
    """Writes a file in which one track has new notes between two steps, and every other event is what it was.

    In that track, notes that start between the steps are replaced, and a note that sounds into them is cut there.

    Args:
        score: the `symusic.Score` of the original file, in ticks.
        melody: `Melody` with the new notes, as `Melody.replace_phrases` gives it.
        first_step: int, first replaced step (a sixteenth note) from the start of the file.
        end_step: int, first step after them.
        path: file to write; appears at once or not at all.
    """
    import symusic

    def ticks(steps):
        return steps * score.tpq // constants.STEPS_PER_QUARTER

    score = score.copy()
    track = score.tracks[melody.track]
    first, end = ticks(first_step), ticks(end_step)
    # A note of a performance may start a little before the step it is rounded to.
    early = score.tpq // (2 * constants.STEPS_PER_QUARTER)
    notes = [note for note in track.notes if not first - early <= note.time < end - early]
    for note in notes:
        if note.time < first:
            note.duration = min(note.duration, first - note.time)
    new = (melody.start_steps >= first_step) & (melody.start_steps < end_step)
    starts, ends = ticks(melody.start_steps[new]), ticks(melody.end_steps[new])
    notes += [
        symusic.Note(int(start), int(stop - start), int(pitch), int(velocity))
        for start, stop, pitch, velocity in zip(starts, ends, melody.pitches[new], melody.velocities[new], strict=True)
    ]
    track.notes = sorted(notes, key=lambda note: note.time)
    write_atomically(path, score.dumps_midi())
