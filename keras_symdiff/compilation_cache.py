"""JAX's compiled programs on disk, so that the next process does not compile again."""

import os
from pathlib import Path
from typing import Any

VARIABLE = "KERAS_SYMDIFF_CACHE"


def use_compilation_cache() -> None:
    """Lets JAX keep what it compiles in the user's cache folder; on other backends does nothing.

    The command line and `Composer` call it. The environment variable `KERAS_SYMDIFF_CACHE` names another folder, and
    none where it is empty. A cache that JAX has been given already (`JAX_COMPILATION_CACHE_DIR`) stays.
    """
    import keras

    folder = os.environ.get(VARIABLE)
    if keras.backend.backend() != "jax" or folder == "":
        return
    import jax

    config: Any = jax.config  # its types do not know its options
    if config.jax_compilation_cache_dir is None:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        jax.config.update("jax_compilation_cache_dir", str(folder or Path(caches) / "keras_symdiff" / "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # JAX's default leaves most of ours out
