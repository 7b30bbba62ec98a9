"""Keras without what it imports only because it is there."""

import sys
from types import ModuleType
from typing import Any

_UNUSED = ("matplotlib.pyplot", "pandas", "sklearn")


def import_keras() -> ModuleType:
    """Imports Keras in half the time.

    Keras imports these libraries where they are installed, for calls that no command makes.

    Returns:
        The module `keras`.
    """
    modules: dict[str, Any] = sys.modules
    hidden = [name for name in _UNUSED if name not in sys.modules]
    modules.update(dict.fromkeys(hidden))  # Python takes a module that is `None` for one that is not installed
    try:
        import keras
    finally:
        for name in hidden:
            del sys.modules[name]
    return keras
