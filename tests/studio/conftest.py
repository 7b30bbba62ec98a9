import pathlib

import pytest
from studio_client import SlowComposer, run_studio

SONG = pathlib.Path(__file__).parents[1] / "data" / "pop909" / "331.mid"


@pytest.fixture(scope="session")
def composer(hearing_preset):
    from keras_symdiff.composer import Composer

    return Composer.from_preset(hearing_preset)


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """A song of 30 bars, in a folder to which can be written."""
    path = tmp_path_factory.mktemp("songs") / "song.mid"
    path.write_bytes(SONG.read_bytes())
    return path


@pytest.fixture(scope="session")
def client(composer, song):
    """A client of a running studio with an untrained model."""
    with run_studio(song=song, preset="tiny", load=lambda: composer) as client:
        yield client


@pytest.fixture
def slow(composer, song):
    """A studio whose jobs wait until `slow.composer.go_on.set()`."""
    waiting = SlowComposer(composer)
    with run_studio(song=song, preset="tiny", load=lambda: waiting) as client:
        client.composer = waiting
        yield client
