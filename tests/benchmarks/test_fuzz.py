import pytest

pytest.importorskip("note_seq", reason="the extra [note-seq] is optional")

from benchmarks.fuzz import readers, try_reader

NAMES = (
    "MIDI", "latents (.npz)", "training phrases (.npz)", "forms (.npz)", "weights of the right hash (.npz)",
    "config (.json)", "transform (.json)", "record of a take (.json)", "options of a run (.json)",
    "archives (.zip, .tar)", "MusicXML", "ABC", "NoteSequence", "chords (text)",
)  # fmt: skip


@pytest.fixture(scope="module")
def all_readers(tmp_path_factory):
    made = readers(tmp_path_factory.mktemp("files"))
    assert tuple(made) == NAMES
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_read_or_refused_in_one_line(all_readers, name):
    results = [try_reader(all_readers[name], 1, number)[0] for number in range(200)]
    assert {result for result in results if result not in ("read", "refused")} == set()
    assert "refused" in results


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_file_is_read(all_readers, name):
    reader = all_readers[name]
    whole = reader._replace(damage=lambda data, stream: data)
    assert {try_reader(whole, 1, number)[0] for number in range(20)} == {"read"}
