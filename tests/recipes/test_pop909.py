import sys
from pathlib import Path

import numpy as np
import symusic

from keras_symdiff.music.song import Song

sys.path.insert(0, str(Path(__file__).parents[2] / "recipes"))

from pop909 import on_annotated_bars


def test_bars_begin_on_the_annotated_downbeats_and_bridge_fills_the_bars_without_melody(tmp_path):
    # Beats of .5 s from 1 s on; bars of 4, 4, 2 and 4 quarters; all notes lie 30 ms late.
    beats = 1 + 0.5 * np.arange(14)
    downbeats = np.isin(np.arange(14), [0, 4, 8, 10])
    np.savetxt(tmp_path / "001.beats.txt", np.stack([beats, downbeats, downbeats], axis=1))
    score = symusic.Score(480)
    score.tempos.append(symusic.Tempo(0, 120))
    quarters = {"MELODY": {2: 60, 3: 62, 10: 64}, "BRIDGE": {3: 80, 6: 81, 10: 82}, "PIANO": {2: 48, 6: 43}}
    for name, notes in quarters.items():
        track = symusic.Track(name, 0, False)
        for quarter, pitch in notes.items():
            track.notes.append(symusic.Note(quarter * 480 + 29, 480, pitch, 90))
        score.tracks.append(track)
    (tmp_path / "001.mid").write_bytes(score.dumps_midi())

    song = Song.open(on_annotated_bars(tmp_path / "001.mid"))
    melody, piano = song.melodies()
    assert [track.name for track in song.tracks if len(track.notes.pitch)] == ["MELODY", "PIANO"]
    assert melody.pitches.tolist() == [60, 62, 81, 64]  # of BRIDGE only the note in the bar without MELODY
    bars = melody.grid.bar_of(melody.start_steps)
    assert (bars - bars[0]).tolist() == [0, 0, 1, 2]
    assert melody.end_steps.tolist() == (melody.start_steps + 4).tolist()
    assert [signature[1:] for signature in melody.grid.signatures] == [(4, 4), (2, 4), (4, 4)]
    assert piano.start_steps.tolist() == melody.start_steps[[0, 2]].tolist()
