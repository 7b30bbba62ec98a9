"""Runs the examples of docstrings, README and guides: Python and `bash` as they stand, of `sh` the options only."""

import functools
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile

import click
import numpy as np
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from keras_symdiff.cli.main import symdiff

ROOT = pathlib.Path(__file__).parent


def _run(example):
    """A `bash` block: commands that take seconds."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    subprocess.run(["bash", "-euo", "pipefail", "-c", example.parsed], check=True, env={**os.environ, "PATH": path})


def _parse(example):
    """An `sh` block: commands that take minutes or days. Those of `symdiff` must have options that it knows."""
    for line in example.parsed.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["symdiff"] and len(words) > 1:
            command = symdiff.get_command(None, words[1])
            for parameter in command.params:
                if isinstance(parameter.type, click.Path):
                    parameter.type = click.Path()  # the files are not there
            command.make_context(words[1], words[2:]).close()


@functools.cache
def _arrays():
    """What examples may use without saying what it is: see `docs/reference/index.md`."""
    random = np.random.default_rng(0)
    latents = np.tanh(random.standard_normal((8, 32, 42), np.float32))
    tokens = np.zeros((8, 32, 32), np.int8)
    tokens[:, :, ::4] = random.integers(41, 53, (8, 32, 8))  # quarter notes of an octave
    return {
        "tokens": tokens,
        "chroma": random.uniform(0, 1, (32, 8, 12)),
        "latents": latents,
        "x_t": latents[:2],
        "noise_level": np.float32([[0.1], [0.9]]),
        "x": random.standard_normal((2, 32, 128), np.float32),
    }


def _enter_folder(namespace):
    import keras

    import keras_symdiff

    for module in (keras_symdiff, keras_symdiff.metrics):
        namespace.update((name, getattr(module, name)) for name in module.__all__)
    namespace["folder"], namespace["back"] = tempfile.mkdtemp(), os.getcwd()
    os.chdir(namespace["folder"])
    shutil.copytree(ROOT / "examples", "examples")
    shutil.copy("examples/tune.mid", "song.mid")
    shutil.copy("examples/tunes.abc", ".")
    shutil.copytree(ROOT / "tests/data/lakh", "midi")
    namespace.update(np=np, keras=keras, keras_symdiff=keras_symdiff, **_arrays())


def _leave_folder(namespace):
    os.chdir(namespace["back"])
    shutil.rmtree(namespace["folder"])


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        CodeBlockParser(language="bash", evaluator=_run),
        CodeBlockParser(language="sh", evaluator=_parse),
        SkipParser(),
    ],
    patterns=["README.md", "docs/*.md", "docs/reference/*.md", "keras_symdiff/**/*.py", "tfds_lmd_latents/**/*.py"],
    excludes=["docs/results/*.md", "keras_symdiff/presets/*/README.md"],  # records of what was once done
    document_types={".py": PythonDocStringDocument},
    setup=_enter_folder,
    teardown=_leave_folder,
).pytest()
