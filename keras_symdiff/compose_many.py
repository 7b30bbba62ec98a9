"""Any number of melodies in one file, in memory that does not depend on it."""

import io
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_symdiff.composer import Composer
from keras_symdiff.constants import BARS_PER_PHRASE, PHRASE_STEPS, STEPS_PER_BAR
from keras_symdiff.training.record_options import record_options
from keras_symdiff.write_atomically import write_atomically

MELODIES_AT_ONCE = 64


def compose_many(
    composer: Composer,
    path: str | os.PathLike,
    num_melodies: int,
    first_melody: int = 0,
    bars: int = 64,
    progress: Callable[[str, int, int], Any] | None = None,
    **options: Any,
) -> None:
    """Composes melodies into an `.npz` file, 64 at once; the same call goes on with one that was killed.

    The file holds `tokens`, int8 (`num_melodies`, phrases, 32), of which `Melody.from_phrases` makes melodies. What is
    done so far stands in a folder beside it, `path` and `.parts`, which goes when the file is whole.

    Args:
        composer: what composes.
        path: of the file.
        num_melodies: at least 1.
        first_melody: index of the first melody among those of the seed: several machines make several shares of one
            set, the same as one machine would.
        bars: length of each melody, as for `Composer.compose`.
        progress: called with (what is going on, melodies done, melodies in total). Defaults to `None`.
        **options: further arguments of `Composer.compose`.

    Raises:
        ValueError: if the folder holds parts of another call, or an argument is out of range.

    Example:
    ```python
    from keras_symdiff.compose_many import compose_many

    composer = keras_symdiff.Composer.from_preset()
    compose_many(composer, "melodies.npz", 2, bars=8, quality="draft")
    melody = keras_symdiff.Melody.from_phrases(np.load("melodies.npz")["tokens"][0])
    ```
    """
    path = Path(path)
    parts = path.with_name(f"{path.name}.parts")
    parts.mkdir(parents=True, exist_ok=True)
    decided = {"preset": composer.sha256, "num_melodies": num_melodies, "first_melody": first_melody, "bars": bars}
    record_options(parts / "options.json", decided | {name: str(value) for name, value in options.items()})
    done, files = 0, []
    while done < num_melodies:
        files.append(parts / f"{done:09}.npy")
        count = min(MELODIES_AT_ONCE, num_melodies - done)
        if not files[-1].exists():
            melodies = composer.compose(count, bars=bars, first_melody=first_melody + done, **options)
            _write_part(files[-1], np.stack([_phrases(melody, bars) for melody in melodies]))
        done += count
        if progress is not None:
            progress("Composing melodies", done, num_melodies)
    unfinished = parts / "unfinished.npz"
    header = {"descr": "|i1", "fortran_order": False, "shape": (num_melodies, *np.load(files[0], "r").shape[1:])}
    with (
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("tokens.npy", "w", force_zip64=True) as tokens,
    ):
        np.lib.format.write_array_header_1_0(tokens, header)
        for file in files:
            tokens.write(np.load(file).tobytes())
    os.replace(unfinished, path)
    shutil.rmtree(parts)


def _phrases(melody, bars):
    """All phrases of a melody in 4/4 from its first bar, silent ones too, int8 (L, 32)."""
    steps = -(-bars // BARS_PER_PHRASE) * PHRASE_STEPS
    events = np.zeros(steps, np.int8)
    events[: bars * STEPS_PER_BAR] = melody.events(bars * STEPS_PER_BAR)
    return events.reshape(-1, PHRASE_STEPS)


def _write_part(path, tokens):
    buffer = io.BytesIO()
    np.save(buffer, tokens)
    write_atomically(path, buffer.getvalue())
