import contextlib
import io
import sys

import pytest

from keras_symdiff.cli.main import main


@pytest.fixture
def cli(monkeypatch):
    """Runs the command line in this process: `cli("sample", "-n", 2) -> (exit code, stdout, stderr)`."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["symdiff", *map(str, arguments)])
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as error:
                code = error.code
        return code, out.getvalue(), err.getvalue()

    return run
