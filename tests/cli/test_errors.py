import io
import pathlib
import resource
import shutil

import keras
import numpy as np
import pytest
import symusic

from keras_symdiff import Melody, MusicVAE, write_midi
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus

DATA = pathlib.Path(__file__).parents[1] / "data"
SONG = DATA / "pop909" / "001.mid"


def fails(result, message, code=1):
    """Checks that a run ended with one line of error, and nothing like a traceback."""
    got, _, err = result
    told = ("Keras ", "Preset ", "Reading ", "Encoding ", "Skipped ")  # before it failed
    errors = [line for line in err.splitlines() if not line.startswith(told)]
    assert len(errors) == 1, err
    assert errors[0].startswith("Error: ")
    assert message in errors[0]
    assert got == code


def drums(path):
    score = symusic.Score(DATA / "lakh" / "trio_0.mid")
    score.tracks = [track for track in score.tracks if track.is_drum]
    path.write_bytes(score.dumps_midi())


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(SONG.read_bytes()[:300]), "is damaged"),
        (lambda path: path.write_bytes(b"hello"), "is not a MIDI file"),
        (drums, "has drums only"),
    ],
)
def test_a_tune_that_cannot_be_infilled(cli, tmp_path, write, message):
    write(tmp_path / "song.mid")
    result = cli("infill", tmp_path / "song.mid", "--bars", "1-2", "-o", tmp_path / "out")
    fails(result, f"song.mid: {message}")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        ("60-390", "001.mid: bar 390 is outside the piece's bars 1-"),
        ("1-138", "001.mid: the melody has no notes outside of bars 1-138, which leaves nothing to compose from"),
        ("6.5", "001.mid: bar 6 has 2 beats, so there is no 6.5"),
    ],
)
def test_bars_that_are_not_there(cli, tmp_path, bars, message):
    fails(cli("infill", SONG, "--bars", bars, "-o", tmp_path / "out"), message)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("asked", [("--track", 3), ("--track-name", "Drums")])
def test_a_track_without_a_melody(cli, tmp_path, asked):
    result = cli("infill", DATA / "lakh" / "trio_0.mid", "--bars", "1-2", *asked, "-o", tmp_path / "out")
    fails(result, "tracks with one: 1, 2 Electric Bass (finger)")
    assert not (tmp_path / "out").exists()


def test_the_record_of_a_take_is_read_before_the_preset(cli, tmp_path):
    (tmp_path / "take.json").write_text("{}")
    result = cli(
        "infill", SONG, "--bars", "17-18", "--like", tmp_path / "take.json", "--preset", "nowhere", "-o", tmp_path
    )
    fails(result, "take.json is not the record of a take")


def test_options_that_are_wrong(cli, tmp_path):
    (tmp_path / "file").touch()
    out = tmp_path / "out"
    fails(cli("smaple"), "No such command 'smaple'", 2)
    fails(cli("infill", SONG, "-o", out), "Name bars with --bars, or a number of bars with --continue", 2)
    fails(cli("infill", SONG, "--continue", 5000, "-o", out), "5000 is not in the range 1<=x<=4096", 2)
    fails(cli("infill", SONG, "--bars", "17", "--variation", 0.5, "-o", out), "--variation goes with --like", 2)
    fails(cli("sample", "-o", ""), "An output needs a name", 2)
    (tmp_path / "folder.npz").mkdir()
    fails(cli("sample", "-o", tmp_path / "folder.npz"), "folder.npz' is a directory", 2)
    fails(cli("sample", "-o", out, "--preset", ""), "Neither a folder nor a preset")
    fails(cli("encode", SONG, "-o", tmp_path / "a.npz", "--format", "tfrecord"), "go with --publish", 2)
    fails(cli("encode", SONG, "--publish", ""), "An output needs a name", 2)
    fails(cli("encode", SONG, "--publish", tmp_path / "file"), "is a file", 2)
    fails(cli("infill", SONG, "--continue", 8, "--keep-rhythm", "-o", out), "have no old note, so there is no rhythm")
    fails(cli("train-vae", SONG, "--decoder-noise", 4, "-o", out), "name a MusicVAE with --init-from", 2)
    fails(cli("infill", tmp_path / "none.mid", "--bars", "1-2", "-o", out), "none.mid' does not exist", 2)
    fails(cli("sample", "-n", 0, "-o", out), "0 is not in the range 1<=x<=1000000", 2)
    fails(cli("sample", "-o", tmp_path / "file"), "is a file", 2)
    fails(cli("encode", SONG, "-o", tmp_path / "out.mid"), "does not end in .npz", 2)
    fails(cli("encode", SONG), "Name one of -o FILE.npz and --publish DIR", 2)
    fails(cli("encode", SONG, SONG, "--publish", out), "--publish takes one folder or archive", 2)
    fails(cli("decode", SONG, "-o", out), "is not a .npz file", 2)
    fails(cli("sample", "-o", out, "--density=+1"), "A new melody has no bars to compare with")
    fails(cli("sample", "-o", out, "--form", "AB", "--bars", 15), "a multiple of 2 bars")
    fails(cli("sample", "-n", 70_000, "--bars", 65, "-o", out), "A seed has 65,536 melodies of more than 64 bars", 2)
    fails(cli("infill", SONG, "--bars", "17-24", "--form", "AABA", "-o", out), "AABA needs 16")
    fails(cli("sample", "-o", out, "--steps", 1001), "songs_small has 1000 steps. Received: --steps 1001", 2)
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--key", "X", "A key is written like"),
        ("--chords", "C | H7", "A chord is written like"),
        ("--chords", "", "Chords are bars separated by |"),
        ("--density", "many", "'many' is not a valid float"),
        ("--density", "nan", "'nan' is not a finite number"),
        ("--range", "C4", "`pitch_range` must be two pitches, such as 'C4-C6'"),
        ("--form", "aaba", "A form is capital letters"),
        ("--key-cost", "nan", "'nan' is not a finite number"),
        ("--temperature", "inf", "'inf' is not a finite number"),
        ("--bars", "x", "such as 17.3-18.2. Received: x"),
        ("--bars", "20-10", "such as 17.3-18.2. Received: 20-10"),
        ("--bars", "17-0", "such as 17.3-18.2. Received: 17-0"),
    ],
)
def test_values_that_cannot_be_read_are_refused_before_anything_is(cli, tmp_path, option, value, message):
    (tmp_path / "song.mid").write_bytes(b"no song")
    result = cli("infill", tmp_path / "song.mid", option, value, "-o", tmp_path / "out")
    fails(result, f"Invalid value for '{option}': ", 2)
    fails(result, message, 2)
    if option != "--bars":
        fails(cli("sample", option, value, "-o", tmp_path / "out"), message, 2)


def test_what_a_baseline_cannot_do_is_told_before_it_loads(cli, tiny_preset, tmp_path):
    shutil.copytree(tiny_preset, tmp_path / "mdn")
    shutil.rmtree(tmp_path / "mdn" / "latent_diffusion")
    (tmp_path / "mdn" / "latent_mdn" / "weights.npz").unlink()
    asked = ["--preset", tmp_path / "mdn", "-o", tmp_path / "out"]
    fails(cli("sample", "--bars", 65, *asked), "it composes new melodies, of up to 64 bars", 2)
    fails(cli("infill", SONG, "--bars", "17-18", *asked), "it composes new melodies, of up to 64 bars", 2)


def test_an_output_folder_that_cannot_be_written_is_found_before_any_work(cli, tmp_path):
    (tmp_path / "file").touch()
    for verb in (["sample"], ["infill", SONG, "--bars", "17-18"], ["encode", SONG]):
        code, _, err = cli(*verb, "-o", tmp_path / "file" / ("a.npz" if verb[0] == "encode" else "out"))
        assert code == 1
        assert err.startswith("Error: ")
        assert str(tmp_path / "file") in err
        assert len(err.splitlines()) == 1


def test_an_error_of_ours_is_one_line_that_asks_for_a_report(cli, monkeypatch):
    def fail(*arguments):
        raise KeyError("surprise")

    monkeypatch.setattr("keras_symdiff.music.song.Song.open", fail)
    code, _, err = cli("inspect", SONG)
    assert code == 1
    assert err.startswith("Error: KeyError: 'surprise' This is a bug: please report it")
    assert len(err.splitlines()) == 1
    code, _, err = cli("--debug", "inspect", SONG)
    assert code == 1
    assert "Traceback" in err
    assert "in fail" in err


def test_a_value_error_of_a_library_is_a_bug_too(cli, monkeypatch):
    monkeypatch.setattr("keras_symdiff.music.song.Song.open", lambda *_: np.zeros(3).reshape(2))
    assert "ValueError: cannot reshape array of size 3 into shape (2,) This is a bug" in cli("inspect", SONG)[2]


def damaged(part, old, new):
    def damage(folder):
        data = (folder / part).read_bytes()
        assert old in data
        (folder / part).write_bytes(data.replace(old, new, 1))

    return damage


def flip(folder):
    path = folder / "latent_diffusion" / "weights.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "Neither a folder nor a preset"),
        (lambda folder: shutil.rmtree(folder / "music_vae"), "Not a trained model"),
        (lambda folder: (folder / "latent_transform.json").unlink(), "latent_transform.json"),
        (lambda folder: (folder / "latent_diffusion" / "weights.npz").unlink(), "No such file"),
        (flip, "weights.npz is damaged"),
        (damaged("music_vae/config.json", b'"encoder_units"', b'"encoder_unitz"'), "encoder_unitz"),
        (damaged("music_vae/config.json", b'"encoder_units": 8', b'"encoder_units": 9'), "other shapes"),
        (damaged("latent_diffusion/config.json", b'"embed_dim"', b'"embed_din"'), "embed_din"),
        (damaged("latent_diffusion/config.json", b"{", b"("), "no readable config.json"),
        (damaged("latent_transform.json", b"minimum", b"minimun"), "minimun"),
    ],
)
def test_a_preset_that_is_missing_foreign_or_damaged(cli, tiny_preset, tmp_path, damage, message):
    shutil.copytree(tiny_preset, tmp_path / "preset")
    damage(tmp_path / "preset")
    fails(cli("sample", "-o", tmp_path / "out", "--preset", tmp_path / "preset"), message)
    assert not (tmp_path / "out").exists()


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("data", [b"", b"hello", archive(a=1), archive(a=1)[:80]])
def test_files_that_are_no_latents(cli, tiny_preset, tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    result = cli("decode", tmp_path / "a.npz", "-o", tmp_path / "out", "--preset", tiny_preset)
    fails(result, "a.npz does not hold encoded melodies")
    assert not (tmp_path / "out").exists()


def test_latents_and_midi_files_at_once(cli, tiny_preset, tmp_path):
    (tmp_path / "a.npz").write_bytes(b"")
    result = cli("train", tmp_path / "a.npz", SONG, "--vae", tiny_preset, "-o", tmp_path / "run")
    fails(result, "Name either MIDI files or .npz files")


def test_latents_of_another_encoder(cli, tiny_preset, tmp_path):
    keras.utils.set_random_seed(7)
    other = MusicVAE(latent_dim=4, encoder_units=8, decoder_units=(8,))
    LatentCorpus.encode(other, read_corpus(DATA / "lakh" / "melody_0.mid")).save(tmp_path / "a.npz")
    result = cli("decode", tmp_path / "a.npz", "-o", tmp_path / "out", "--preset", tiny_preset)
    fails(result, "was encoded by another MusicVAE")


def test_training_needs_pieces_of_64_bars(cli, tiny_preset, tmp_path):
    write_midi(Melody.from_phrases(np.full((31, 32), 41)), tmp_path / "short.mid")
    result = cli("train", tmp_path, "--vae", tiny_preset, "-o", tmp_path / "run", "--threshold", 99)
    fails(result, "pieces of 64 bars in which no 2-bar phrase rests")
    assert not (tmp_path / "run").exists()


def test_a_full_disk_leaves_nothing_behind(cli, tiny_preset, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        result = cli("encode", DATA / "lakh" / "melody_0.mid", "-o", tmp_path / "a.npz", "--preset", tiny_preset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    fails(result, "File too large")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_in_a_folder_is_skipped_and_named(cli, tiny_preset, tmp_path):
    shutil.copy(DATA / "lakh" / "melody_0.mid", tmp_path)
    (tmp_path / "bad.mid").write_bytes(b"")
    code, out, err = cli("encode", tmp_path, "-o", tmp_path / "a.npz", "--preset", tiny_preset)
    assert code == 0
    assert f"Skipped {tmp_path / 'bad.mid'}: is empty" in err
    assert "1 of 2 files skipped" in err
    assert "1 melody, 32 phrases" in out
