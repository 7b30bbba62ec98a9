"""Keras without what it imports only because it is there."""

import sys

_UNUSED = ("matplotlib.pyplot", "pandas", "sklearn")


def import_keras():
    """Imports Keras in half the time.

    Keras imports these libraries where they are installed, for calls that no command makes.

    Returns:
        The module `keras`.
    """
    hidden = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # Python takes a module that is `None` for one that is not installed
    try:
        import keras
    finally:
        for name in hidden:
            del sys.modules[name]
    return keras
