import os
import pathlib

from hypothesis import given, settings
from hypothesis import strategies as st

from keras_symdiff.files.readable_name import readable_name


def test_bytes_that_are_no_text_are_shown():
    assert readable_name(os.fsdecode(b"caf\xe9\n\t.mid")) == r"caf\xe9\x0a\x09.mid"
    assert readable_name(pathlib.Path("caf\u00e9 \u3000$x$.mid")) == "caf\u00e9 \u3000$x$.mid"


@given(st.binary(min_size=1) | st.text(st.characters(codec=None)))
@settings(deadline=None)
def test_any_name_becomes_one_line_that_can_be_encoded(name):
    text = readable_name(os.fsdecode(name))
    assert len(text.splitlines()) <= 1 or any(mark in text for mark in "\u2028\u2029")
    assert text == os.fsdecode(name) or "\\x" in text
    assert text.encode("utf-8").decode("utf-8") == text
