import os
import subprocess
import sys

import pytest

from keras_symdiff.choose_backend import choose_backend


@pytest.fixture
def without_keras(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "")


@pytest.mark.parametrize(
    ("installed", "taken"), [(("torch", "jax"), "jax"), (("torch", "tensorflow"), "tensorflow"), (("torch",), "torch")]
)
def test_the_first_installed_backend_is_taken_where_none_is_chosen(monkeypatch, without_keras, installed, taken):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name in installed or None)
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == taken


def test_a_chosen_backend_stays(monkeypatch, without_keras):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    choose_backend()
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_a_keras_that_is_imported_already_is_left_alone(monkeypatch, without_keras):
    monkeypatch.setitem(sys.modules, "keras", sys)
    choose_backend()
    assert not os.environ["KERAS_BACKEND"]


def test_importing_the_package_chooses_and_imports_nothing_heavy():
    code = "import os, sys, keras_symdiff; print(bool(os.environ['KERAS_BACKEND']), 'keras' in sys.modules)"
    environment = os.environ | {"KERAS_BACKEND": ""}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "True False\n"
