"""How smoothly the studio's page plays and scrolls a long song: times of frames, and tasks that hold the page up.

    python benchmarks/studio_frames.py --notes 4000

Makes a song of five tracks, opens it in headless Chromium, plays it, and while it plays scrolls, zooms, and locks a
note again and again. Prints milliseconds between frames, tasks of more than 50 ms, and the load of the machine. The
browser draws without a graphics card.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

import numpy as np

sys.path[:0] = [str(pathlib.Path(__file__).parents[1] / "tests" / part) for part in ("", "studio")]

from studio_client import run_studio  # noqa: E402
from web_browser import WebBrowser  # noqa: E402

START = """
    window.frames = []; window.long = [];
    window.watch = new PerformanceObserver((list) => long.push(...list.getEntries().map((each) => each.duration)));
    watch.observe({type: "longtask"});
    let before = performance.now();
    window.running = true;
    (function frame(now) {
        frames.push(now - before);
        before = now;
        if (running) requestAnimationFrame(frame);
    })(before);
"""
STOP = "running = false; watch.disconnect(); return [frames.slice(2), long]"
SCROLL = """
    const scroller = document.getElementById("scroller");
    (function step() { scroller.scrollLeft += 23; if (running) requestAnimationFrame(step); })();
"""
ZOOM = "(function step() { document.getElementById('zoom-in').click(); if (running) setTimeout(step, 200); })();"
LOCK = """
    document.getElementById("notes-panel").open = true;
    (function step() { document.querySelector("#notes li").click(); if (running) setTimeout(step, 200); })();
"""


def write_song(path, num_notes):
    """Four tracks of eighths and one of drums, as many notes in each."""
    import symusic

    score = symusic.Score(480)
    draws = np.random.default_rng(0)
    count = num_notes // 5
    for place, name in enumerate(["Melody", "Piano", "Strings", "Bass", "Drums"]):
        track = symusic.Track(name, 8 * place, name == "Drums")
        starts = np.arange(count, dtype=np.int32) * 240
        lengths = draws.integers(120, 480, count).astype(np.int32)
        pitches = (72 - 9 * place + draws.integers(0, 12, count)).astype(np.int8)
        track.notes = symusic.Note.from_numpy(starts, lengths, pitches, np.full(count, 80, np.int8))
        score.tracks.append(track)
    score.dump_midi(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "song.mid"
        write_song(path, options.notes)
        # Without a model: what composes would share the cores.
        with run_studio(song=path, load=lambda: None) as client:
            browser = WebBrowser(f"{folder}/profile")
            try:
                browser.resize(1440, 900)
                browser.visit(str(client.base_url))
                browser.wait_for("!document.getElementById('studio').hidden")
                for what, script in {"playing": "", "and scrolling": SCROLL, "and zooming": ZOOM,
                                     "and locking a note": LOCK}.items():  # fmt: skip
                    browser.run("document.activeElement.blur()")
                    if what == "and locking a note":
                        browser.press("s")
                    browser.press("\ue011")  # to the start
                    browser.press(" ")
                    browser.wait_for("document.body.classList.contains('playing')")
                    browser.run(START + script)
                    time.sleep(options.seconds)
                    frames, long = browser.run(STOP)
                    browser.press("\ue00c")
                    shares = np.percentile(frames, [50, 99, 100])
                    print(f"{what:<20} frames {len(frames)}   median {shares[0]:.1f}   99 % {shares[1]:.1f}   "
                          f"longest {shares[2]:.1f}   tasks over 50 ms: {[round(task) for task in long]}")  # fmt: skip
            finally:
                browser.close()
    print(f"load                 {', '.join(f'{load:.1f}' for load in os.getloadavg())}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
