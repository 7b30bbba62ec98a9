import dataclasses
import hashlib
import pathlib
import shutil

import numpy as np
import pytest

from keras_symdiff import Composer, Melody, Sampler, Song, read_melodies
from keras_symdiff.infilling.infill_request import new_notes as new_notes_of

SONG = pathlib.Path(__file__).parent / "data" / "pop909" / "001.mid"
QUICK = Sampler("ddim", 2)


@pytest.fixture(scope="module")
def composer(tiny_preset):
    composer = Composer.from_preset(tiny_preset)
    kernel = composer.vae.decoder.logits.kernel
    kernel.assign(20 * kernel)  # so that latents decode to different phrases
    return composer


def events(melody):
    return melody.pitches.tolist(), melody.start_steps.tolist(), melody.end_steps.tolist()


def test_a_melody_depends_on_the_seed_and_its_index_only(composer):
    melodies = composer.compose(3, seed=5, quality=QUICK)
    assert [melody.num_bars for melody in melodies] == [64] * 3
    assert [events(melody) for melody in composer.compose(2, seed=5, quality=QUICK)] == list(map(events, melodies[:2]))
    assert len({str(events(melody)) for melody in melodies}) == 3
    assert events(composer.compose(1, seed=6, quality=QUICK)[0]) != events(melodies[0])


@pytest.mark.parametrize("bars", [4, 7, 64, 65, 100, 160])
def test_melodies_have_the_length_that_is_asked_for(composer, bars):
    (melody,) = composer.compose(bars=bars, quality=QUICK)
    (whole,) = composer.compose(quality=QUICK)
    assert melody.num_steps == 16 * bars
    assert melody.time_signatures == ((0, 4, 4),)
    shared = 16 * min(bars, 64)
    starts = [tune.start_steps[tune.start_steps < shared].tolist() for tune in (melody, whole)]
    assert starts[0] == starts[1]
    if bars > 64:
        assert melody.start_steps.max() >= 16 * (bars - 4)


def test_takes_are_in_the_order_of_ranking(composer):
    takes = composer.infill(SONG, bars="17-20", takes=4, seed=1, quality=QUICK)
    assert len(takes) == 4
    assert takes[0] is takes.best
    overall = [take.scores.overall for take in takes.distinct]
    assert overall == sorted(overall, reverse=True)
    assert sorted(take.number for take in takes) == [1, 2, 3, 4]
    one = composer.infill(SONG, bars=["17-20"], takes=1, seed=1, quality=QUICK)[0]
    assert events(one.melody) == events(next(take for take in takes if take.number == 1).melody)


def test_the_bytes_of_a_take_hold_its_melody_and_all_else(composer):
    take = composer.infill(SONG, bars=["17-20", "33"], quality=QUICK).best
    old, new = read_melodies(SONG), read_melodies(take.midi)
    assert events(new[0]) == events(take.melody)
    assert list(map(events, old[1:])) == list(map(events, new[1:]))


@pytest.mark.parametrize("read", [str, pathlib.Path, lambda path: path.read_bytes(), Song.open])
def test_a_song_is_a_path_or_bytes_or_a_song(composer, read):
    expected = composer.infill(SONG, bars="17-18", quality=QUICK).best.midi
    assert composer.infill(read(SONG), bars="17-18", quality=QUICK).best.midi == expected


def test_eight_takes_read_the_song_once(composer, tmp_path, monkeypatch):
    opened, really_open = [], open
    song = shutil.copy(SONG, tmp_path / "song.mid")

    def opening(path, *arguments, **options):
        if str(path) == str(song):
            opened.append(path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("builtins.open", opening)
    takes = composer.infill(song, bars="17-20", takes=8, quality=QUICK)
    pathlib.Path(song).unlink()  # nothing is read again, not even to write
    takes.write(tmp_path / "out")
    assert len(opened) == 1


def test_a_song_of_bytes_is_written_beside_its_takes(composer, tmp_path):
    (tmp_path / "song.mid").write_bytes(b"another song of the user's")
    written = composer.infill(SONG.read_bytes(), bars="17-18", quality=QUICK).write(tmp_path)
    name = f"song_{hashlib.sha256(SONG.read_bytes()).hexdigest()[:8]}"
    assert (tmp_path / f"{name}.mid").read_bytes() == SONG.read_bytes()
    assert [path.name for path in written.files] == [f"{name}_bars17-18_0.mid"]
    assert (tmp_path / "song.mid").read_bytes() == b"another song of the user's"


@pytest.fixture(scope="module")
def hearing(hearing_preset):
    return Composer.from_preset(hearing_preset)


def new_notes(take):
    gap = take.piece.gaps[0]
    inside = (take.melody.start_steps >= gap.first_step) & (take.melody.start_steps < gap.end_step)
    return list(zip(take.melody.start_steps[inside].tolist(), take.melody.pitches[inside].tolist(), strict=True))


def test_a_composer_that_hears_moves_songs_to_its_key_and_back(hearing):
    assert (hearing.hears, hearing.one_key) == (True, True)
    take = hearing.infill(SONG, bars="17-24", quality=QUICK).best
    old, gap = take.piece.melody, take.piece.gaps[0]
    kept = [(tune.start_steps < gap.first_step) | (tune.start_steps >= gap.end_step) for tune in (old, take.melody)]
    assert old.pitches[kept[0]].tolist() == take.melody.pitches[kept[1]].tolist()
    assert old.velocities[kept[0]].tolist() == take.melody.velocities[kept[1]].tolist()
    assert events(read_melodies(take.midi)[0]) == events(take.melody)


@pytest.mark.parametrize(
    "asked",
    [{"harmony": False}, {"chords": "C | F#"}, {"density": "+3"}, {"pitch_range": "C5-C6"}, {"key": "Bb"}],
)
def test_what_is_asked_of_new_bars_reaches_them(hearing, asked):
    plain = hearing.infill(SONG, bars="17-32", quality=QUICK).best
    other = hearing.infill(SONG, bars="17-32", quality=QUICK, **asked).best
    assert new_notes(other) != new_notes(plain)
    if "pitch_range" in asked:
        assert {pitch for _, pitch in new_notes(other)} <= set(range(72, 85))


def test_the_picture_of_new_bars_names_their_chords(hearing, tmp_path):
    takes = hearing.infill(SONG, bars="17-20", quality=QUICK, chords="C | F")
    without = dataclasses.replace(takes, request=dataclasses.replace(takes.request, chords=None))
    pictures = [one.write(tmp_path / name).files[0].with_suffix(".png") for name, one in (("a", takes), ("b", without))]
    assert pictures[0].read_bytes() != pictures[1].read_bytes()


def test_a_form_makes_bars_equal(hearing):
    take = hearing.infill(SONG, bars="17-32", form="AA", quality=Sampler("dpm-solver-sde", 5), key_cost=0.0).best
    first = take.piece.layout.new_runs[0][0]
    tokens = take.melody.phrases()[0][first:]
    np.testing.assert_array_equal(tokens[:2], tokens[2:4])


def test_a_take_to_start_from_is_a_take_or_a_record(hearing, tmp_path):
    takes = hearing.infill(SONG, bars="17-24", quality=QUICK)
    (path,) = takes.write(tmp_path).files
    record = path.with_suffix(".json")
    from_noise, from_take, from_record, far = (
        new_notes(hearing.infill(SONG, bars="17-24", quality=QUICK, seed=9, **like).best)
        for like in ({}, {"like": takes.best}, {"like": record}, {"like": record, "variation": 1.0})
    )
    assert from_take == from_record
    assert from_take not in (from_noise, far)
    path.write_bytes(SONG.read_bytes())
    with pytest.raises(ValueError, match="The take has changed since it was made"):
        hearing.infill(SONG, bars="17-24", like=record)


def test_a_key_only_moves_new_melodies(hearing):
    (in_c,) = hearing.compose(bars=16, quality=QUICK, key="C major")
    (in_d,) = hearing.compose(bars=16, quality=QUICK, key="B minor")
    assert set((in_d.pitches - in_c.pitches).tolist()) <= {2, -10}  # an octave lower where there is no higher key


def test_forms_of_new_melodies(hearing):
    quality = Sampler("dpm-solver-sde", 5)
    tokens = hearing.compose(bars=32, quality=quality, form="AABA")[0].phrases()[0]
    np.testing.assert_array_equal(tokens[:4], tokens[4:8])
    np.testing.assert_array_equal(tokens[:4], tokens[12:])
    for melody in hearing.compose(2, quality=quality):
        tokens = melody.phrases()[0]
        # Float rounding decides where an untrained decoder is undecided.
        assert max((tokens == tokens[plan]).all(axis=1).mean() for plan in hearing.forms.repeats) > 0.9
    free = hearing.compose(1, quality=quality, form="none")[0].phrases()[0]
    assert max((free == free[plan]).all(axis=1).mean() for plan in hearing.forms.repeats) < 0.9


def test_takes_that_equal_the_one_they_start_from_are_told(hearing):
    takes = hearing.infill(SONG, bars="17-24", quality=QUICK, takes=2)
    assert "equal the earlier one" not in takes.table()
    request = dataclasses.replace(takes.request, like=new_notes_of(takes[0].melody, takes.piece.gaps), variation=0.2)
    some = dataclasses.replace(takes, request=request)
    assert some.table().splitlines()[-1] == (
        f"Of the takes, {takes[0].number} equal the earlier one: more than a variation of 0.2 changes more"
    )
    all_of_them = dataclasses.replace(some, ranked=takes.ranked[:1])
    assert "All takes equal the earlier one" in all_of_them.table()


def test_what_a_deaf_model_is_asked_to_hear_is_ignored_with_a_note(composer):
    with pytest.warns(UserWarning, match="hears no harmony: it ignores chords and density"):
        (asked,) = composer.compose(bars=16, quality=QUICK, chords="C | G", density=3)
    assert events(asked) == events(composer.compose(bars=16, quality=QUICK)[0])


def test_melodies_to_latents_and_back(composer):
    melodies = [Melody.from_phrases(np.full((count, 32), 41)) for count in (3, 1)]
    latents = composer.encode(melodies)
    assert [array.shape for array in latents] == [(3, 4), (1, 4)]
    assert [melody.num_phrases for melody in composer.decode(latents)] == [3, 1]
    assert composer.encode([]) == composer.decode([]) == []


def test_the_baseline_composes_and_says_that_it_does_not_infill(tiny_preset, tmp_path):
    shutil.copytree(tiny_preset, tmp_path / "preset")
    shutil.rmtree(tmp_path / "preset" / "latent_diffusion")
    baseline = Composer.from_preset(tmp_path / "preset")
    assert baseline.compose(1, bars=8)[0].num_bars == 8
    with pytest.raises(ValueError, match="up to 64 bars"):
        baseline.compose(1, bars=66)
    with pytest.raises(ValueError, match="The baseline composes new melodies only"):
        baseline.infill(SONG, bars="17-18")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quality": "great"}, "`quality` must be one of draft, normal, best, or a Sampler. Received: quality='great'"),
        ({"bars": 3}, r"`bars` must be an integer in \[4, 512\]. Received: bars=3"),
        ({"num_melodies": 0}, "Received: num_melodies=0"),
        ({"seed": -1}, "Received: seed=-1"),
        ({"temperature": 0}, "Received: temperature=0"),
        (
            {"num_melodies": 10**9},
            r"`num_melodies` must be an integer in \[1, 10000\]. Received:",
        ),
        ({"seed": 2**32}, "Received: seed=4294967296"),
        ({"quality": ["draft"]}, "`quality` must be one of"),
        ({"progress": "bar"}, "`progress` must be a function"),
    ],
)
def test_wrong_arguments_are_named(composer, arguments, message):
    with pytest.raises(ValueError, match=message):
        composer.compose(**{"quality": QUICK} | arguments)


def test_bars_are_text(composer):
    for wrong in (17, [17, 18]):
        with pytest.raises(ValueError, match=r"`bars` (must be|are) .*strings? such as '17-32'.* Received: bars="):
            composer.infill(SONG, bars=wrong)


@pytest.mark.parametrize("wrong", [None, "x", float("nan"), -7, True, [1], {"a": 1}, np.ones(2)], ids=repr)
def test_what_is_no_music_is_refused_by_the_rule(composer, wrong):
    calls = [
        lambda: Composer.from_preset(wrong),
        lambda: composer.infill(wrong, bars="17"),
        lambda: composer.infill(SONG, bars=wrong),
        lambda: composer.infill(SONG, bars="17", keep_notes=wrong),
        lambda: composer.infill(SONG, bars="17", variation=wrong),
        lambda: composer.encode(wrong),
        lambda: composer.decode(wrong),
        lambda: composer.decode([], temperature=wrong),
    ]
    if wrong is not None:
        calls.append(lambda: composer.infill(SONG, bars="17", like=wrong))
    for call in calls:
        with pytest.raises((ValueError, FileNotFoundError)) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1
