"""The studio's page, driven in Chromium as a musician would, with the shipped preset."""

import json
import pathlib
import time

import pytest
from studio_client import run_studio
from test_app import outside
from web_browser import WebBrowser

from keras_symdiff.music.song import Song

DATA = pathlib.Path(__file__).parents[1] / "data"
SONG = DATA / "pop909" / "331.mid"
AXE = (DATA / "axe" / "axe.min.js").read_text(encoding="utf-8")
CONTROL, SHIFT, TAB, ENTER, ESCAPE, LEFT, UP, RIGHT, DOWN, HOME = (
    "\ue009", "\ue008", "\ue004", "\ue007", "\ue00c", "\ue012", "\ue013", "\ue014", "\ue015", "\ue011"
)  # fmt: skip
READY = "document.getElementById('model').classList.contains('ready')"
CARDS = "document.querySelectorAll('.card:not(.waiting)').length > 1 && !document.querySelector('.waiting')"


@pytest.fixture(scope="module")
def studio():
    with run_studio() as client:
        yield client


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = WebBrowser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium, studio):
    """A page that was just opened; in the end it has asked nobody else for anything, and complained of nothing."""
    chromium.resize(1280, 900)
    chromium.prefer("light")
    chromium.visit(str(studio.base_url))
    chromium.run("localStorage.clear(); sessionStorage.clear()")
    chromium.visit(str(studio.base_url))
    yield chromium
    here = f"{str(studio.base_url).rstrip('/')}/"
    asked = chromium.requests()
    assert asked
    assert all(url.startswith((here, "data:", f"blob:{here}")) for url in asked), asked
    complaints = [entry for entry in chromium.logs("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not complaints, complaints


def open_song(browser):
    browser.wait_for("!document.getElementById('empty').hidden")
    browser.drop(SONG)
    browser.wait_for("!document.getElementById('studio').hidden")
    browser.wait_for("document.getElementById('song-name').textContent === '331.mid'")


def bars_on_screen(browser, first, last):
    """Points within the first and the last of some bars on the ruler."""
    middles = browser.run(
        f"""
        const ruler = document.getElementById('ruler').getBoundingClientRect();
        const scroller = document.getElementById('scroller');
        const extent = document.getElementById('extent').getBoundingClientRect();
        const gutter = scroller.clientWidth < 500 ? 28 : 40;
        const bars = document.querySelectorAll('#bars [role=option]').length;
        const width = (extent.width - gutter) / bars;
        return [{first}, {last}].map((bar) =>
            [ruler.left + gutter + (bar - 0.5) * width - scroller.scrollLeft, ruler.top + 12]);
        """
    )
    return middles


def select(browser, first, last):
    browser.drag(*bars_on_screen(browser, first, last))
    browser.wait_for(f"document.getElementById('selection').textContent.includes('{first}\u2013{last}')")


def compose(browser, draft=True):
    if draft:
        browser.run(
            "const q = document.getElementById('quality'); q.value = 'draft'; q.dispatchEvent(new Event('change'))"
        )
    browser.wait_for(READY, 120)
    browser.wait_for("!document.getElementById('compose').disabled")
    browser.click("#compose")
    browser.wait_for(CARDS, 120)


def chosen(browser):
    return browser.run("return document.querySelector('.card-main[aria-pressed=true]').dataset.take")


def downloaded(browser, folder):
    folder.mkdir()
    browser.download_to(folder)
    browser.click("#download summary")
    browser.click("#download-midi")
    end = time.monotonic() + 20
    while not [path for path in folder.iterdir() if path.suffix == ".mid"]:
        assert time.monotonic() < end, "nothing was downloaded"
        time.sleep(0.05)
    (path,) = folder.iterdir()
    return path.read_bytes()


def test_from_a_dropped_song_to_a_downloaded_one(browser, tmp_path):
    open_song(browser)
    select(browser, 9, 12)
    # Lock a note of the selection.
    browser.click("#notes-panel summary")
    browser.click("#notes [role=option]:nth-child(3)")
    locked = browser.run("return document.querySelector('#notes [aria-selected=true]').textContent.trim()")
    assert locked
    compose(browser)
    best = chosen(browser)
    assert best != "was"

    # A/B: as it was, and back; the take stays in the song.
    browser.press("b")
    browser.wait_for("document.getElementById('ab').getAttribute('aria-pressed') === 'true'")
    assert chosen(browser) == "was"
    browser.press("b")
    assert chosen(browser) == best

    # Choose another, undo, redo.
    other = browser.run("return document.querySelectorAll('.card-main')[2].dataset.take")
    browser.click(f".card-main[data-take='{other}']")
    assert chosen(browser) == other
    browser.press(CONTROL, "z")
    assert chosen(browser) == best
    browser.press(CONTROL, SHIFT, "z")
    assert chosen(browser) == other

    # All of it is there after a reload, undo too.
    browser.run("location.reload()")
    browser.wait_for(CARDS)
    assert chosen(browser) == other
    browser.press(CONTROL, "z")
    assert chosen(browser) == best
    browser.press(CONTROL, SHIFT, "z")

    data = downloaded(browser, tmp_path / "downloads")
    gaps = [[8 * 1920, 12 * 1920]]
    assert outside(data, gaps) == outside(SONG.read_bytes(), gaps)
    assert data != SONG.read_bytes()
    was, now = (Song.open(source).tracks[0].notes for source in (SONG, data))
    third = [row for row in zip(was.start.tolist(), was.pitch.tolist(), strict=True) if row[0] >= 8 * 1920 - 60][2]
    assert third in zip(now.start.tolist(), now.pitch.tolist(), strict=True)


def test_the_keyboard_is_enough(browser):
    open_song(browser)
    browser.wait_for(READY, 120)
    browser.run("document.activeElement.blur()")
    for _ in range(60):
        browser.press(TAB)
        if browser.run("return document.activeElement.id") == "bars":
            break
    else:
        pytest.fail("Tab does not reach the bars")
    for _ in range(8):
        browser.press(RIGHT)
    browser.press(" ")
    browser.press(SHIFT, RIGHT)
    browser.press(SHIFT, RIGHT)
    browser.wait_for("document.getElementById('selection').textContent.includes('9\u201311')")
    browser.run("document.getElementById('quality').value = 'draft'")
    browser.press(CONTROL, ENTER)
    browser.wait_for(CARDS, 120)
    best = chosen(browser)
    browser.run("document.activeElement.blur()")
    browser.press(DOWN)
    assert chosen(browser) not in (best, "was")
    browser.press(UP)
    assert chosen(browser) == best
    browser.press("0")
    assert chosen(browser) == "was"
    browser.press("1")
    browser.press("f")
    browser.wait_for("document.getElementById('favourite').getAttribute('aria-pressed') === 'true'")
    browser.press(" ")
    browser.wait_for("document.getElementById('play').getAttribute('aria-label') === 'Stop'")
    browser.press(ESCAPE)
    browser.wait_for("document.getElementById('play').getAttribute('aria-label') === 'Play'")
    browser.press("?")
    browser.wait_for("document.getElementById('help-dialog').open")
    browser.press(ESCAPE)
    browser.wait_for("!document.getElementById('help-dialog').open")
    browser.press("m")  # more takes of these bars
    count = "document.querySelectorAll('.card:not(.waiting)').length"
    browser.wait_for(f"{count} > 5 && !document.querySelector('.waiting')", 60)


def test_a_phone_is_wide_enough(browser):
    browser.resize(375, 812, 2, touch=True)
    open_song(browser)
    start, _ = bars_on_screen(browser, 3, 3)
    browser.tap(start)
    browser.wait_for("document.getElementById('selection').textContent.includes('3')")
    compose(browser)
    # The takes are on the screen, above the bars at its lower edge.
    browser.wait_for(
        "document.querySelector('.card').getBoundingClientRect().bottom"
        " <= document.querySelector('.compose').getBoundingClientRect().top"
    )
    wide = browser.run("return document.documentElement.scrollWidth")
    assert wide <= 375
    small = browser.run(
        """
        return [...document.querySelectorAll('button, select, summary, .card-main')]
            .filter((each) => each.offsetParent && !each.closest('[hidden]'))
            .map((each) => [each.id || each.textContent, each.getBoundingClientRect()])
            .filter(([, box]) => box.height && (box.left < -1 || box.right > 376))
            .map(([name]) => name)
        """
    )
    cards = browser.run("return [...document.querySelectorAll('.cards *')].map((each) => each.id || each.textContent)")
    assert not [name for name in small if name not in cards], small  # cards scroll sideways


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(browser, colours):
    browser.prefer(colours)
    found = {"empty": axe(browser)}
    open_song(browser)
    select(browser, 9, 10)
    found["selected"] = axe(browser)
    compose(browser)
    browser.click("#download summary")
    found["takes"] = axe(browser)
    browser.press(ESCAPE)
    browser.press("?")
    found["help"] = axe(browser)
    browser.press(ESCAPE)
    assert not any(found.values()), json.dumps(found, indent=1)


def test_ranks_and_numbers_are_two_things(browser):
    browser.wait_for("!document.getElementById('empty').hidden")
    browser.press("n")
    browser.click("#new-start")
    browser.wait_for("document.getElementById('selection').textContent === 'Selected: bars 1\u201316'")
    compose(browser)
    browser.click("#more")
    browser.wait_for(f"document.querySelectorAll('.card').length > 5 && {CARDS}")
    texts = "[...each.children].map((child) => child.textContent)"
    heads = browser.run(f"return [...document.querySelectorAll('.card-head')].map((each) => {texts})")
    assert heads[0] == ["As it was"]
    assert [rank for _, rank in heads[1:]] == ["best", "2nd", "3rd", *(f"{n}th" for n in range(4, len(heads)))]
    assert sorted(name for name, _ in heads[1:]) == [f"Take {n}" for n in range(1, len(heads))]


def test_the_documentation_of_the_interface_needs_no_network(browser, studio):
    browser.visit(f"{str(studio.base_url).rstrip('/')}/docs")
    browser.wait_for("document.querySelectorAll('details').length > 10")
    assert "/infill" in browser.run("return document.body.textContent")
    assert not axe(browser)


def test_a_script_as_a_name_is_text(browser, tmp_path):
    import mido

    name = "<script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("track_name", name=name)]))
    for index in range(64):
        pitch = 60 + 7 * index % 12
        file.tracks[0] += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=240)]
    path = tmp_path / "<img src=x onerror=alert(1)>.mid"
    file.save(path)
    browser.wait_for("!document.getElementById('empty').hidden")
    browser.drop(path)
    browser.wait_for("document.getElementById('song-name').textContent.startsWith('<img')")
    browser.wait_for("document.getElementById('tracks').textContent.includes('<script>')")
    assert browser.run("return window.bad === undefined && !document.querySelector('#tracks script, #tracks img')")


def axe(browser):
    """What axe finds wrong: its rules and where."""
    browser.run(AXE)
    browser.run(
        """
        window.axed = null;
        axe.run(document, {resultTypes: ['violations']}).then((result) => {
            window.axed = result.violations.map((each) => [each.id, each.nodes.map((node) => node.target.join(' '))]);
        })
        """
    )
    browser.wait_for("window.axed", 60)
    return browser.run("return window.axed")
