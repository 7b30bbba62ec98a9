"""Studios that run in the process of the tests, and programs that use them."""

import contextlib
import json
import threading

import httpx

# Before any thread starts: CPython 3.11 makes syntax trees in one thread at a time (gh-106905), and so do pytest and
# jaxtyping when they change what is imported.
import keras_symdiff.composer  # noqa: F401
from keras_symdiff.studio.serve import Studio


class Client(httpx.Client):
    """A program that uses a studio."""

    def __init__(self, studio):
        super().__init__(base_url=studio.url.split("?")[0].rstrip("/"), timeout=120)
        self.studio = studio

    def song(self):
        """The song that was named on the command line."""
        return self.get("/api/state").json()["song"]

    def start(self, song, **asked):
        """Starts a job, and returns its id."""
        answer = self.post(f"/api/songs/{song}/compose", json={"quality": "draft", "takes": 2} | asked)
        assert answer.status_code == 202, answer.text
        return answer.json()["job"]

    def events(self, job):
        """Yields (kind, data) of each event until the job is over."""
        with self.stream("GET", f"/api/jobs/{job}/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            kind = None
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def compose(self, song, **asked):
        """The data of the event `done`."""
        kind, data = list(self.events(self.start(song, **asked)))[-1]
        assert kind == "done", data
        return data


@contextlib.contextmanager
def run_studio(**options):
    studio = Studio(**options)
    thread = threading.Thread(target=studio.run)
    thread.start()
    try:
        with Client(studio) as client:
            yield client
    finally:
        studio.stop()
        thread.join(30)
    assert not thread.is_alive()


class SlowComposer:
    """A composer that takes its time, and goes on when it is let: for jobs at once, and for cancelling."""

    hears = True

    def __init__(self, composer):
        self.composer = composer
        self.go_on = threading.Event()
        self.started = threading.Event()
        self.running = 0

    def infill(self, *arguments, progress, **options):
        self.running += 1
        assert self.running == 1, "two jobs at once"
        try:
            self.started.set()
            while not self.go_on.wait(0.01):
                progress("Sampling", 1, 10)
            return self.composer.infill(*arguments, progress=progress, **options)
        finally:
            self.running -= 1
