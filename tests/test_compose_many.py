import shutil

import numpy as np
import pytest

from keras_symdiff import Composer, Melody, compose_many
from keras_symdiff.compose_many import compose_many as compose

OPTIONS = {"bars": 8, "quality": "draft", "seed": 5, "form": "none"}


@pytest.fixture(scope="module")
def composer(hearing_preset):
    return Composer.from_preset(hearing_preset)


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch):
    monkeypatch.setattr(compose_many, "MELODIES_AT_ONCE", 2)


def tokens_of(path):
    with np.load(path) as file:
        return file["tokens"]


def test_the_file_holds_the_melodies_that_compose_makes(composer, tmp_path):
    compose(composer, tmp_path / "some.npz", 5, **OPTIONS)
    tokens = tokens_of(tmp_path / "some.npz")
    assert tokens.shape == (5, 4, 32)
    assert tokens.dtype == np.int8
    melodies = composer.compose(5, **OPTIONS)
    for phrases, melody in zip(tokens, melodies, strict=True):
        for part in ("pitches", "start_steps", "end_steps"):
            np.testing.assert_array_equal(getattr(Melody.from_phrases(phrases), part), getattr(melody, part))
    assert not (tmp_path / "some.npz.parts").exists()
    compose(composer, tmp_path / "share.npz", 3, first_melody=2, **OPTIONS)
    np.testing.assert_array_equal(tokens_of(tmp_path / "share.npz"), tokens[2:])


def test_a_killed_call_goes_on(composer, tmp_path, monkeypatch):
    def stop(label, done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compose(composer, tmp_path / "killed.npz", 6, progress=stop, **OPTIONS)
    assert not (tmp_path / "killed.npz").exists()
    with pytest.raises(ValueError, match=r"killed\.npz\.parts holds a run with other options \(seed: 5 there, 6 now\)"):
        compose(composer, tmp_path / "killed.npz", 6, **OPTIONS | {"seed": 6})
    shutil.copytree(tmp_path / "killed.npz.parts", tmp_path / "copy.npz.parts")
    called = []
    whole = composer.compose
    monkeypatch.setattr(composer, "compose", lambda count, **options: called.append(count) or whole(count, **options))
    compose(composer, tmp_path / "killed.npz", 6, **OPTIONS)
    assert called == [2]
    compose(composer, tmp_path / "whole.npz", 6, **OPTIONS)
    np.testing.assert_array_equal(tokens_of(tmp_path / "killed.npz"), tokens_of(tmp_path / "whole.npz"))


def test_the_command_writes_shares(cli, hearing_preset, tmp_path):
    arguments = ["--preset", hearing_preset, "--quality", "draft", "--bars", 8, "--form", "none", "-o"]
    code, _, err = cli("sample", "-n", 3, *arguments, tmp_path / "all.npz")
    assert code == 0, err
    for first, count in ((0, 1), (1, 2)):
        code, _, err = cli("sample", "-n", count, "--first-piece", first, *arguments, tmp_path / f"{first}.npz")
        assert code == 0, err
    shares = [tokens_of(tmp_path / f"{first}.npz") for first in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(shares), tokens_of(tmp_path / "all.npz"))
    code, _, err = cli("sample", "-n", 1, "--first-piece", 2, *arguments, tmp_path / "out")
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["sample_0_002.mid", "sample_0_002.png"]
    code, _, err = cli("sample", "--audio", *arguments, tmp_path / "all.npz")
    assert (code, err.split(" (")[0]) == (2, "Error: --audio is for MIDI files, not for -o FILE.npz.")
