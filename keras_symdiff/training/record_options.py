"""What decides a result, written beside it."""

import json
from pathlib import Path
from typing import Any

from keras_symdiff.files.read_json import read_json
from keras_symdiff.write_atomically import write_atomically


def record_options(path: Path, options: dict[str, Any]) -> None:
    """Writes what decides a result beside it, and refuses to go on there with other options.

    Args:
        path: JSON file in the folder of the result.
        options: JSON-able dict.

    Raises:
        ValueError: when the file is there and holds other options, or none.
    """
    options = json.loads(json.dumps(options))
    if path.exists():
        try:
            earlier = read_json(path)
        except ValueError as error:
            raise ValueError(f"{path} does not hold a run's options: {error}") from error
        changed = sorted(k for k in options.keys() | earlier.keys() if options.get(k) != earlier.get(k))
        if changed:
            differences = ", ".join(f"{k}: {earlier.get(k)} there, {options.get(k)} now" for k in changed)
            raise ValueError(f"{path.parent} holds a run with other options ({differences}); choose another folder")
    write_atomically(path, (json.dumps(options, indent=1) + "\n").encode())
