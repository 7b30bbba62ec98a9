import base64
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
        self.visit(path.absolute().as_uri())

    def visit(self, url):
        self.logs("browser"), self.logs("performance")
        self._ask("/url", {"url": url})

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

    def press(self, *keys):
        """Presses keys together, the last one last, and lets go of them."""
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._ask("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": down + up}]})

    def drag(self, start, end):
        """Drags with the mouse from one point (x, y) of the window to another."""
        (x, y), (to_x, to_y) = [[round(value) for value in point] for point in (start, end)]
        moves = [
            {"type": "pointerMove", "x": x, "y": y, "duration": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "x": (x + to_x) // 2, "y": to_y, "duration": 40},
            {"type": "pointerMove", "x": to_x, "y": to_y, "duration": 40},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self._ask("/actions", {"actions": [mouse]})

    def tap(self, point):
        """Taps with a finger on a point of the window."""
        x, y = map(round, point)
        self.devtools("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.devtools("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def drop(self, path, point=(180, 400)):
        """Drops a file on the window, as from a file manager."""
        data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.devtools("Input.dispatchDragEvent", type=kind, x=point[0], y=point[1], data=data)

    def resize(self, width, height, scale=1, touch=False):
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=touch
        )
        self.devtools("Emulation.setTouchEmulationEnabled", enabled=touch)

    def prefer(self, colours):
        """Makes the system's colours `"light"` or `"dark"`."""
        features = [{"name": "prefers-color-scheme", "value": colours}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def download_to(self, folder):
        self.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def devtools(self, command, **parameters):
        return self._ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screenshot(self, path):
        with urllib.request.urlopen(f"{self.url}/screenshot", timeout=60) as answer:
            path.write_bytes(base64.b64decode(json.load(answer)["value"]))

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
