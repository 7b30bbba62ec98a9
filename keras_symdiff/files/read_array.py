"""The one array of a small file of a preset."""

from pathlib import Path

import numpy as np

from keras_symdiff.files.read_npz import read_npz


def read_array(path: Path, name: str, dtype: str, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """Reads an array of a known kind from an `.npz` file.

    Args:
        path: the file.
        name: of the array in it.
        dtype: its dtype.
        shape: its shape; `None` stands for any length.

    Returns:
        The array; `None` if there is no such file.

    Raises:
        ValueError: if the file is damaged or holds something else.
    """
    try:
        array = read_npz(path)[name]
    except FileNotFoundError:
        return None
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{path} does not hold {name}: {error}") from error
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype != dtype or not fits:
        raise ValueError(f"{path} must hold {dtype} {name} of shape {shape}. Received: {array.dtype} {array.shape}")
    return array
