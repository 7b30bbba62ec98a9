import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_symdiff.files.read_json import MOST_LEVELS, read_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def written(folder, text):
    path = folder / "file.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return path


@given(st.dictionaries(st.text(), VALUES, max_size=5))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_json_writes_comes_back(tmp_path_factory, value):
    assert read_json(written(tmp_path_factory.mktemp("a"), json.dumps(value))) == value


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("closed", [False, True])
def test_a_hundred_thousand_brackets_are_one_line(tmp_path, opening, closed):
    closing = "".join({"[": "]", "{": "}"}.get(letter, "") for letter in opening)[::-1]
    text = '{"x":' + 100_000 * opening + "1" + 100_000 * closing * closed + "}"
    with pytest.raises(ValueError, match=f"^JSON is nested at most {MOST_LEVELS} deep. Received: deeper$"):
        read_json(written(tmp_path, text))


def test_depth_is_counted_exactly(tmp_path):
    assert read_json(written(tmp_path, '{"x":' + (MOST_LEVELS - 1) * "[" + (MOST_LEVELS - 1) * "]" + "}"))
    with pytest.raises(ValueError, match="nested at most"):
        read_json(written(tmp_path, '{"x":' + MOST_LEVELS * "[" + MOST_LEVELS * "]" + "}"))
    assert read_json(written(tmp_path, json.dumps({"x": "[" * 100})))["x"] == "[" * 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "must be an object. Received: list"),
        ('{"x": NaN}', "must be finite. Received: NaN"),
        ('{"x": -Infinity}', "must be finite. Received: -Infinity"),
        ('{"x": 1e999}', "must be finite. Received: 1e999"),
        ('{"x": ' + 5000 * "9" + "}", "4300 digits"),
        (b'{"x": "\xff"}', "can't decode byte 0xff"),
        ("", "Expecting value"),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_json(written(tmp_path, text))


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "file.json"
    with open(path, "wb") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    with pytest.raises(ValueError, match="at most 1,000 bytes"):
        read_json(path, most_bytes=1000)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


@given(st.binary(max_size=200) | st.text(alphabet='[]{}":,0123456789.eE-+ntfalsru\\ ', max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_an_object_or_a_value_error(tmp_path_factory, data):
    try:
        value = read_json(written(tmp_path_factory.getbasetemp(), data))
    except ValueError:
        return
    assert isinstance(value, dict)
