import dataclasses
import json
import pathlib
import re
import shlex
import types

import numpy as np
import pytest
import symusic
from web_browser import WebBrowser

from keras_symdiff import Melody, write_midi
from keras_symdiff.cli.infill import infill_command
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.diffusion.sampler import QUALITIES, Sampler
from keras_symdiff.infilling import page
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.infilling.ranking import TakeScores
from keras_symdiff.infilling.take import Take
from keras_symdiff.infilling.takes import Takes
from keras_symdiff.music.song import Song

TUNE = pathlib.Path(__file__).parents[1] / "data" / "lakh" / "melody_0.mid"
SCALE = np.array([60, 62, 64, 65, 67, 69, 71, 72])
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


def tune(num_notes, seed, name, low=0, every=2):
    pitches = SCALE[np.random.default_rng(seed).integers(0, 8, num_notes)] - low
    starts = np.arange(num_notes) * every
    return Melody(pitches, starts, starts + every, name=name, tempos=((0, 96.0), (120, 150.0), (300, 60.5)))


def write_song(path, name=HOSTILE, bars=32):
    write_midi([tune(bars * 8, 0, name), tune(bars * 2, 1, "chords", low=24, every=8)], path)
    score = symusic.Score(path)
    drums = symusic.Track("drums", 0, True)
    drums.notes = symusic.Note.from_numpy(*np.array([(beat * 480, 120, 36 + beat % 3, 90) for beat in range(bars * 4)],
                                                    np.int32).T)  # fmt: skip
    score.tracks.append(drums)
    score.dump_midi(path)


def make_takes(song, count=8, bars=("17-24",)):
    """Takes of notes at random, without a model."""
    request = InfillRequest(bars=bars, takes=max(2, count), seed=3, track=1)
    piece = request.find(Song.open(song))
    ranked = []
    for number in range(count, 0, -1):
        take = piece.melody
        for gap in piece.gaps:
            stream = np.zeros(gap.end_step - gap.first_step, int)
            stream[::2] = SCALE[np.random.default_rng(number).integers(0, 8, len(stream[::2]))] - 19
            take = take.replace_steps(gap.first_step, stream)
        ranked.append(Take(number, take, TakeScores(0.5 + number / 20, 1.0, 0.0, np.nan, 0.0), piece))
    return Takes(request, named("lakh_small"), piece, tuple(ranked), TakeScores(0.7, 0.8, 0.1, np.nan, 0.0))


def named(preset):
    """A preset without its models."""
    model = types.SimpleNamespace(schedule=NoiseSchedule.linear())
    absent = dict.fromkeys(("transform", "vae", "training_phrases", "one_key", "forms"))
    return types.SimpleNamespace(name=preset, sha256={}, model=model, hears=True, **absent)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    write_song(folder / "song.mid")
    return make_takes(folder / "song.mid").write(folder / "out & <b>")


def page_data(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_holds_what_the_files_hold(written):
    data = page_data(written.page)
    ticks = 480 * 4  # per bar
    assert [take["title"] for take in data["takes"]] == ["As it was"] + [f"Take {n}" for n in range(8, 0, -1)]
    assert data["shown"] == [12 * ticks, 28 * ticks]
    assert data["playFrom"] == 14 * ticks
    assert data["gaps"] == [[16 * ticks, 24 * ticks]]
    for path, take in zip(written.files, data["takes"][1:], strict=True):
        for place, track in enumerate(symusic.Score(path).tracks):
            notes = take["notes"] if data["tracks"][place]["melody"] else data["tracks"][place]["notes"]
            in_file = sorted([note.time, note.duration, note.pitch, note.velocity] for note in track.notes)
            assert sorted(notes) == [note for note in in_file if 12 * ticks <= note[0] < 28 * ticks]
        assert take["file"] == path.name
        # Other takes like it: of another seed than those that are there.
        options = infill_command.make_context("infill", [str(TUNE), *shlex.split(take["more"])[3:]]).params
        assert (options["seed"], options["like"], options["variation"]) == (4, str(path.with_suffix(".json")), 0.3)
    assert [track["drums"] for track in data["tracks"]] == [False, False, True]
    assert written.page.stat().st_size < 2_000_000


def test_nothing_but_its_title_is_markup(written):
    text = written.page.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert text.count("<script") == text.count("</script") == 2
    assert "<title>&lt;/script&gt;" in text
    assert page_data(written.page)["title"].startswith(HOSTILE)


def test_gaps_at_both_ends(tmp_path):
    write_song(tmp_path / "song.mid")
    takes = make_takes(tmp_path / "song.mid", 1, ("1", "31-32"))
    data = page_data(takes.write(tmp_path).page)
    assert (data["shown"], data["playFrom"]) == ([0, 32 * 1920], 0)
    assert data["gaps"] == [[0, 1920], [30 * 1920, 32 * 1920]]


def test_a_big_song_stays_small(tmp_path, monkeypatch):
    write_song(tmp_path / "song.mid")
    takes = make_takes(tmp_path / "song.mid", 2)
    assert len(page_data(takes.write(tmp_path).page)["tracks"]) == 3
    monkeypatch.setattr("keras_symdiff.infilling.page._MOST_NOTES", 100)
    assert [track["melody"] for track in page_data(takes.write(tmp_path).page)["tracks"]] == [True]


@pytest.mark.parametrize(
    ("sampler", "quality", "name", "steps"),
    [
        (QUALITIES["draft"], "draft", None, None),
        (dataclasses.replace(QUALITIES["best"], num_steps=7), "best", None, 7),
        (Sampler("heun", 7), "normal", "heun", 7),
        (Sampler(), "normal", "ancestral", 1000),
    ],
    ids=["a quality", "other steps", "another sampler", "all steps"],
)
def test_the_command_that_makes_all_takes_is_one_of_infill(sampler, quality, name, steps):
    request = InfillRequest(bars=("9-12", "20.2-21.3"), continue_bars=4, track=2, keep="rhythm", takes=8, seed=5,
                            sampler=sampler, temperature=0.5, density="-1.5", key="A minor", harmony=False,
                            pitch_range=("C4", "C6"), key_cost=0.0)  # fmt: skip
    command = page.infill_command(request, named("a preset"), pathlib.Path("a song.mid"), pathlib.Path("out"))
    program, verb, *arguments = shlex.split(command)
    assert (program, verb) == ("symdiff", "infill")
    arguments[0] = str(TUNE)  # a file that is there
    options = infill_command.make_context("infill", arguments).params
    assert options == {
        "midi": str(TUNE), "bars": ("9-12", "20.2-21.3"), "continue_bars": 4, "track": 2, "track_name": None,
        "keep_rhythm": True, "keep_pitches": False, "takes": 8, "seed": 5, "quality": quality,
        "sampler": name, "steps": steps, "temperature": 0.5, "preset": "a preset", "output": "out",
        "audio": False, "dry_run": False, "no_harmony": True, "chords": None, "key": "A minor", "density": "-1.5",
        "pitch_range": "C4-C6", "form": None, "key_cost": 0.0, "like": None, "variation": None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = WebBrowser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def shown(browser, written):
    """The browser with the page opened anew, whose music takes its time: machines may be slow."""
    browser.open(written.page)
    browser.run("player.setSpeed(0.25)")
    return browser


def test_it_draws_a_roll_a_take(shown):
    rolls = shown.run("""
        const seen = (canvas, colour) => {  // pixels of a colour
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const wanted = colour.match(/\\d+/g).map(Number);
            let count = 0;
            for (let at = 0; at < pixels.length; at += 4) count += wanted.every((value, i) => pixels[at + i] === value);
            return count;
        };
        return [...document.querySelectorAll("article canvas[role=img]")].map(canvas => [canvas.ariaLabel,
            seen(canvas, colours.new), seen(canvas, colours.note), canvas.clientWidth])""")
    assert [roll[0] for roll in rolls[:2]] == ["Piano roll of As it was", "Piano roll of Take 8, 64 new notes"]
    (was, *takes) = rolls
    assert was[1] == 0
    assert was[2] > 0
    assert all(roll[1] > 0.3 * was[2] and 0.3 * was[2] < roll[2] < 0.8 * was[2] for roll in takes)
    assert all(roll[3] > 600 for roll in rolls)
    ranks = shown.run('return [...document.querySelectorAll("article h2")].map(e => e.innerText)')
    assert ranks[:3] == ["As it was", "Take 8\nbest by its scores", "Take 7\n2nd by its scores"]
    values = shown.run('return [...document.querySelectorAll("article:nth-child(2) dd")].map(e => e.textContent)')
    assert values == ["90 %", "100 %", "0 %", "\u2013", "0 %"]  # a dash where there was nothing to compare
    values = shown.run('return [...document.querySelectorAll("article:nth-child(1) dd")].map(e => e.textContent)')
    assert values == ["70 %", "80 %", "10 %", "\u2013", "0 %"]


POSITION = "player.position / 1920"  # bars


def test_it_plays_and_stops(shown):
    assert shown.run("return player.instruments") is None
    shown.click('button[aria-label="Play Take 8"]')
    shown.wait_for('player.instruments.context.state === "running"')
    shown.run("""const {context, out} = player.instruments; window.ear = context.createAnalyser(); out.connect(ear);
        window.loudest = () => { const wave = new Float32Array(ear.fftSize); ear.getFloatTimeDomainData(wave);
            return Math.max(...wave.map(Math.abs)); };""")
    shown.wait_for("loudest() > 0.01")
    shown.wait_for(f"{POSITION} > 14.1")  # from two bars before the gap
    assert shown.run(f"return {POSITION}") < 18
    left = shown.run('return document.querySelector("article.playing .cursor").getBoundingClientRect().left')
    assert left > shown.run('return document.querySelector("article.playing .notes").getBoundingClientRect().left') + 34
    # Another take takes over where the first one is; Escape stops it.
    before = shown.run(f"return {POSITION}")
    shown.click('button[aria-label="Play Take 1"]')
    assert shown.run("return [...document.querySelectorAll('.playing')].map(e => e.ariaLabel)") == ["Take 1"]
    assert before <= shown.run(f"return {POSITION}") < before + 4
    shown.press("\ue013")  # up: the take before it
    assert shown.run("return [...document.querySelectorAll('.playing')].map(e => e.ariaLabel)") == ["Take 2"]
    shown.press("\ue00c")
    assert shown.run("return [playing, document.querySelectorAll('.playing').length]") == [None, 0]
    shown.wait_for('document.querySelectorAll("button[aria-label^=Play]").length === 9')


def test_keys_alone_play_and_move(shown):
    shown.press("\ue004")  # tab: the switch of the other tracks
    shown.press("\ue004")
    assert shown.run("return document.activeElement.ariaLabel") == "Play As it was"
    shown.press("\ue00d")  # space
    shown.wait_for(f"playing && {POSITION} > 14.05")
    shown.press("\ue014")  # right: the next bar
    assert 14.99 < shown.run(f"return {POSITION}") < 15.9
    shown.press("\ue00d")
    assert shown.run("return playing") is None


def test_it_keeps_to_the_tempo_map(shown, written):
    for index, path in enumerate(written.files, 1):
        there = shown.run(f"""return data.tracks
            .flatMap(track => track.melody ? data.takes[{index}].notes : track.notes)
            .map(note => [timeline.seconds(note[0]), note[2]])""")
        in_file = [(n.time, n.pitch) for t in symusic.Score(path).to("second").tracks for n in t.notes]
        first, end = shown.run("return data.shown.map(tick => timeline.seconds(tick))")
        expected = sorted(note for note in in_file if first - 1e-3 < note[0] < end - 1e-3)
        np.testing.assert_allclose(sorted(map(tuple, there)), expected, atol=2e-3)
    there_and_back = "[18000, 33600, 48000].map(tick => Math.round(timeline.tick(timeline.seconds(tick))))"
    assert shown.run(f"return {there_and_back}") == [18000, 33600, 48000]


def test_no_error_no_request_and_no_script_of_a_name(shown, written):
    shown.click("article:nth-child(3) button")
    shown.wait_for(f"playing && {POSITION} > 14")
    assert shown.run("return document.querySelector('h1').textContent").startswith(HOSTILE)
    assert shown.run("return [window.hacked, document.querySelectorAll('img').length]") == [None, 0]
    assert [entry for entry in shown.logs("browser") if entry["level"] in ("WARNING", "SEVERE")] == []
    requests = [url for url in shown.requests() if not url.startswith("data:")]
    assert requests == [written.page.absolute().as_uri()]
    # The page's own policy holds, should a later change forget it.
    shown.run("fetch('http://127.0.0.1:9/').catch(() => window.refused = true)")
    shown.wait_for("window.refused")
    assert any("Content Security Policy" in entry["message"] for entry in shown.logs("browser"))


def test_the_other_tracks_can_be_silenced(shown):
    volumes = "player.tracks.map(track => track.volume)"
    shown.click("#others")
    shown.click("article:nth-child(2) button")
    assert shown.run(f"return {volumes}") == [1, 0, 0]
    shown.wait_for("player.instruments.synths[0].chvol[1].gain.value < 0.01")
    assert shown.run("return player.instruments.synths[0].chvol[0].gain.value") > 1
    shown.click("#others")
    shown.wait_for(f"{volumes}[1] > 0.5 && player.instruments.synths[0].chvol[1].gain.value > 0.5")
