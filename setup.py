"""The packages; all else is in setup.cfg. `cli` is installed inside the package, where `find:` would not look."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["keras_symdiff*", "tfds_lmd_latents*"]), "keras_symdiff.cli"])
