import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest


class WebBrowser:
    """Headless Chromium, driven over chromedriver's HTTP interface (W3C WebDriver)."""

    def __init__(self, profile):
        if not shutil.which("chromedriver") or not shutil.which("chromium"):
            pytest.skip("Chromium is not installed (Debian: apt-get install chromium chromium-driver)")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.process = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.url = f"http://127.0.0.1:{port}"
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update",
                     "--disable-sync", "--window-size=1180,1400", f"--user-data-dir={profile}"]  # fmt: skip
        options = {
            "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        try:
            self._wait_until_ready()
            session = self._ask("", {"capabilities": {"alwaysMatch": options}})
        except BaseException:
            self.process.kill()
            raise
        self.url += f"/{session['sessionId']}"

    def open(self, path):
        self.logs("browser"), self.logs("performance")
        self._ask("/url", {"url": path.absolute().as_uri()})

    def run(self, script):
        """Value of a script's `return`."""
        return self._ask("/execute/sync", {"script": script, "args": []})

    def wait_for(self, expression, seconds=20):
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({expression})"):
            assert time.monotonic() < end, f"still not: {expression}"
            time.sleep(0.05)

    def click(self, selector):
        """A click that the page takes for a user's."""
        (element,) = self._ask("/element", {"using": "css selector", "value": selector}).values()
        self._ask(f"/element/{element}/click", {})

    def press(self, key):
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._ask("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def logs(self, kind):
        return self._ask("/se/log", {"type": kind})

    def requests(self):
        """Addresses that the page has asked for since it was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def close(self):
        try:
            urllib.request.urlopen(urllib.request.Request(self.url, method="DELETE"), timeout=30).close()
        finally:
            self.process.terminate()
            self.process.wait(30)

    def _wait_until_ready(self):
        status = f"{self.url}/status"
        self.url += "/session"
        for _ in range(200):
            try:
                with urllib.request.urlopen(status, timeout=10):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        pytest.fail("chromedriver does not answer")

    def _ask(self, path, body):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
