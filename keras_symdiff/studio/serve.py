"""The studio, served on this machine."""

import logging
import re
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from keras_symdiff.music.song import MAX_FILE_BYTES
from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.studio.app import make_app
from keras_symdiff.studio.guard import Guard
from keras_symdiff.studio.new_song import new_song
from keras_symdiff.studio.worker import Worker

LOOPBACK = "127.0.0.1"
_EVERYWHERE = ("0.0.0.0", "::")
_MOST_BYTES = MAX_FILE_BYTES + (1 << 16)  # of a request: a song, and what frames it


class _Server(uvicorn.Server):
    """Ends at once: pages keep their connections open for events."""

    def handle_exit(self, sig, frame):
        self.should_exit = self.force_exit = True
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # that connections are cut is no news


def _compile_usual(composer, progress):
    """Composes what nobody hears, so that the first takes come as fast as the next ones."""
    song = new_song("C | Am | F | G", 16, 120)
    for takes in (4, 8):
        composer.infill(song, "1-16", takes, quality="draft", track=2, progress=progress)


class Studio:
    """A studio that listens already and answers from `run` on.

    Args:
        song: path of a song to open. Defaults to `None`.
        preset: name or folder of the preset that composes.
        host: address to listen on, for other machines. Defaults to `None`: this machine alone.
        token: what requests must bring if there is a `host`: letters, digits, `-` and `_`. Defaults to `None`: one is
            made.
        load: loads what composes. Defaults to `None`: the preset.
        port: to listen on. Defaults to 0: a free one.

    Raises:
        MidiError: if the song cannot be used.
        ValueError: if the token has other characters.
        OSError: if the song cannot be read, or the address not listened on; it names which.
    """

    def __init__(
        self,
        song: str | Path | None = None,
        preset: str = DEFAULT_PRESET,
        host: str | None = None,
        token: str | None = None,
        load: Callable[[], Any] | None = None,
        port: int = 0,
    ):
        if token is not None and not re.fullmatch(r"[\w-]+", token, re.ASCII):
            raise ValueError(f"A token is of letters, digits, - and _. Received: token={token!r:.80}")

        def load_preset():
            from keras_symdiff.composer import Composer

            return Composer.from_preset(preset)

        self.worker = Worker(load) if load else Worker(load_preset, _compile_usual)
        app = make_app(self.worker, preset, song)
        is_ipv6 = ":" in (host or "")
        self._socket = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.bind((host or LOOPBACK, port))
            self._socket.listen()
        except OSError as error:  # which does not say what
            raise OSError(error.errno, error.strerror, f"{host or LOOPBACK}:{port}") from error
        port = self._socket.getsockname()[1]
        token = None if host is None else token or secrets.token_urlsafe(16)
        hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        config = uvicorn.Config(Guard(app, hosts, token, _MOST_BYTES), log_level="error", lifespan="off")
        self._server = _Server(config)
        shown = socket.gethostname() if host in _EVERYWHERE else f"[{host}]" if is_ipv6 else host or LOOPBACK
        self.url = f"http://{shown}:{port}/" + ("" if token is None else f"?token={token}")

    def run(self) -> None:
        """Loads the model in a thread and serves until it is interrupted or stopped; then all jobs are cancelled."""
        self.worker.start()
        try:
            self._server.run([self._socket])
        finally:
            self._socket.close()
            self.worker.stop()

    def stop(self) -> None:
        """Ends `run`; called from another thread."""
        self._server.handle_exit(0, None)

    def open_browser(self) -> None:
        """Opens the page in the browser."""
        threading.Thread(target=webbrowser.open, args=(self.url,), daemon=True).start()
