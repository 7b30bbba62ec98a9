"""The studio, served on this machine."""

import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.studio.app import make_app
from keras_symdiff.studio.guard import Guard
from keras_symdiff.studio.worker import Worker

LOOPBACK = "127.0.0.1"
_MOST_BYTES = (1 << 24) + (1 << 16)  # of a request: a song, and what frames it


def serve(
    song: str | Path | None = None,
    preset: str = DEFAULT_PRESET,
    host: str | None = None,
    token: str | None = None,
    browser: bool = True,
    announce: Callable[[str], None] = print,
) -> None:
    """Serves the studio until it is interrupted.

    Args:
        song: path of a song to open. Defaults to `None`.
        preset: name or folder of the preset that composes; it is loaded while the page shows.
        host: address to listen on, for other machines. Defaults to `None`: this machine alone.
        token: what requests must bring if there is a `host`. Defaults to `None`: one is made.
        browser: whether to open the page in the browser.
        announce: called with the page's address.

    Raises:
        MidiError: if the song cannot be used.
        OSError: if the song cannot be read, or the address not listened on.
    """
    if host is not None and token is None:
        token = secrets.token_urlsafe(16)

    def load():
        from keras_symdiff.composer import Composer

        return Composer.from_preset(preset)

    worker = Worker(load)
    app = make_app(worker, preset, song)
    family = socket.AF_INET6 if ":" in (host or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.bind((host or LOOPBACK, 0))
        port = listening.getsockname()[1]
        hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        guarded = Guard(app, hosts, token if host is not None else None, _MOST_BYTES)
        shown = (
            socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if family == socket.AF_INET6 else host
        )
        url = f"http://{shown or LOOPBACK}:{port}/" + (f"?token={token}" if host is not None else "")
        config = uvicorn.Config(guarded, log_level="error", access_log=False, timeout_graceful_shutdown=0)
        server = uvicorn.Server(config)
        worker.start()
        announce(url)
        if browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        try:
            server.run([listening])
        finally:
            if not worker.stop():
                os._exit(130)  # in the middle of a step: nothing is kept that it would lose
