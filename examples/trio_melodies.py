"""Takes the melody out of each trio of `lmd64/train_trio`: the track that is neither bass nor drums.

python examples/trio_melodies.py TRIO_FOLDER MELODY_FOLDER
"""

import sys
from pathlib import Path

from keras_symdiff import read_melodies, write_midi

BASS = range(32, 40)  # General MIDI programs

source, target = map(Path, sys.argv[1:])
target.mkdir(parents=True, exist_ok=True)
for path in sorted(source.glob("*.mid")):
    melody = next(melody for melody in read_melodies(path) if melody.program not in BASS)
    write_midi(melody, target / path.name)
print(f"{len(list(target.iterdir()))} melodies in {target}")
