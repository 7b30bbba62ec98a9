"""How the tests check the packages' annotations: shapes and types of arrays too, in every call that returns.

A call that raises is not checked: refusing what its annotations forbid is its own work, and has its own tests. Nor are
constructors, which turn lists into arrays. (jaxtyping's own import hook wraps constructors, of which Keras reads the
arguments.)
"""

import importlib.abc
import importlib.machinery
import inspect
import sys
import typing

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype
from jaxtyping import jaxtyped

PACKAGES = ("keras_symdiff", "tfds_lmd_latents")
# An int is a float, as type checkers have it, and NumPy's numbers are numbers.
_NUMBERS = FrozenDict({int: int | np.integer, float: float | int | np.integer | np.floating, bool: bool | np.bool_})
_beartype = beartype(conf=BeartypeConf(hint_overrides=_NUMBERS))


def _after_the_call(function):
    """A type checker for `jaxtyped`, which wants two: of the arguments, with `Any` as the result, and of everything."""
    unchecked = (typing.Any, typing.Self)  # beartype knows `Self` in classes that it decorates whole only
    return function if function.__annotations__.get("return") in unchecked else _beartype(function)


def _check(owner, module_name):
    """Replaces the functions of a module, or the methods of a class, by checked ones."""
    for name, value in list(vars(owner).items()):
        function = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if getattr(function, "__module__", None) != module_name or name.startswith("__"):
            continue
        if inspect.isclass(value):
            _check(value, module_name)
        elif inspect.isfunction(function):
            if function is not inspect.unwrap(function):
                continue  # a context manager: its annotations are those of the generator beneath
            setattr(owner, name, jaxtyped(value, typechecker=_after_the_call))


class _CheckingFinder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] not in PACKAGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_check(module):
                execute(module)
                _check(module, fullname)

            spec.loader.exec_module = execute_and_check
        return spec


sys.meta_path.insert(0, _CheckingFinder())
