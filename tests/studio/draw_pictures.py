"""Draws the pictures of `docs/studio.md`: `python tests/studio/draw_pictures.py`, with Chromium installed."""

import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "studio")]

from studio_client import run_studio  # noqa: E402
from test_page_in_browser import READY, compose, select  # noqa: E402
from web_browser import WebBrowser  # noqa: E402

SONG = ROOT / "tests" / "data" / "pop909" / "331.mid"
DOCS = ROOT / "docs"


def main():
    with run_studio(song=SONG) as client:
        browser = WebBrowser(tempfile.mkdtemp())
        try:
            browser.resize(1280, 860)
            browser.visit(str(client.base_url))
            browser.wait_for(f"!document.getElementById('studio').hidden && {READY}", 120)
            select(browser, 9, 12)
            compose(browser, draft=False)
            browser.run("document.activeElement.blur()")
            for name, colours, size, scale in (
                ("light", "light", (1280, 860), 1),
                ("dark", "dark", (1280, 860), 1),
                ("phone", "light", (375, 812), 2),
            ):
                browser.prefer(colours)
                browser.resize(*size, scale, touch=name == "phone")
                # A bar before the takes stands at the left edge; the status line has faded.
                browser.run(
                    """
                    const extent = document.getElementById('extent').getBoundingClientRect().width;
                    const bars = document.querySelectorAll('#bars [role=option]').length;
                    document.getElementById('scroller').scrollLeft = 7 * extent / bars;
                    document.getElementById('takes').scrollIntoView({block: 'nearest'});
                    """
                )
                time.sleep(7)
                browser.screenshot(DOCS / f"studio_{name}.png")
        finally:
            browser.close()


if __name__ == "__main__":
    main()
