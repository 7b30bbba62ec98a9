"""The backend that computes where nobody has chosen one."""

import importlib.util
import os
import sys

BACKENDS = ("jax", "tensorflow", "torch")


def choose_backend() -> None:
    """Chooses the first installed backend if `KERAS_BACKEND` is unset and Keras is not imported yet.

    Keras itself would choose TensorFlow, installed or not, and write that into its configuration file.
    """
    if os.environ.get("KERAS_BACKEND") or "keras" in sys.modules:
        return
    for backend in BACKENDS:
        if importlib.util.find_spec(backend) is not None:
            os.environ["KERAS_BACKEND"] = backend
            return
