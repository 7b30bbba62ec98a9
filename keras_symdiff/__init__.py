"""Diffusion models of melodies in Keras 3.

The public names stand in `__init__.pyi`. They load on first use: importing the package loads neither Keras nor a
backend. It chooses the backend, if nobody has.
"""

import lazy_loader

from keras_symdiff.choose_backend import choose_backend as _choose_backend
from keras_symdiff.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

_choose_backend()
