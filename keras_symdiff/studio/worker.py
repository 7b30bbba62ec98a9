"""The one thread that loads the model and composes, a job at a time."""

import asyncio
import collections
import contextlib
import itertools
import secrets
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

Progress = Callable[[str, int, int], None]
Work = Callable[[Any, Progress], Any]  # composer, progress -> result

_MOST_KEPT = 64  # jobs, most of them over
_ENDS = ("done", "cancelled", "failed")


class CancelledError(Exception):
    """Raised within a job that was cancelled."""


class BusyError(Exception):
    """Too many jobs wait."""


class Event(NamedTuple):
    """What became of a job: `queued`, `progress`, `done`, `cancelled` or `failed`, with what is to say of it."""

    kind: str
    data: Any


class Job:
    """A piece of work that waits, runs or is over.

    Args:
        work: called with the composer and a progress callback; its result is the data of the event `done`.
    """

    def __init__(self, work: Work):
        self.id = secrets.token_hex(8)
        self.work = work
        self.last = Event("queued", {"ahead": 0})
        self.listeners = 0
        self._cancelled = threading.Event()
        self._changed: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Whether nothing will follow."""
        return self.last.kind in _ENDS

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked for its end."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Asks for its end: at once if it waits, else within a step."""
        self._cancelled.set()
        if self.last.kind == "queued":
            self.tell("cancelled", {})

    def tell(self, kind: str, data: Any) -> None:
        """Tells all who listen what has become of it; called from any thread."""
        with self._lock:
            if self.is_over:
                return
            self.last = Event(kind, data)
            for loop, changed in self._changed:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(changed.set)

    def progress(self, label: str, done: int, total: int) -> None:
        """The callback of what composes.

        Raises:
            CancelledError: if the job was cancelled.
        """
        if self.is_cancelled:
            raise CancelledError
        self.tell("progress", {"label": label, "done": done, "total": total})

    async def events(self) -> AsyncIterator[Event]:
        """What becomes of it, from now to its end; of several events in a moment, the last."""
        changed = asyncio.Event()
        mine = (asyncio.get_running_loop(), changed)
        with self._lock:
            self._changed.add(mine)
        self.listeners += 1
        try:
            told = None
            while True:
                changed.clear()
                last = self.last
                if last is not told:
                    told = last
                    yield last
                if last.kind in _ENDS:
                    return
                await changed.wait()
        finally:
            self.listeners -= 1
            with self._lock:
                self._changed.discard(mine)


class Worker:
    """Loads a model in a thread, and composes with it there, one job after the other.

    Args:
        load: returns what composes; called once, in the thread.
        warm_up: called with what composes and a progress callback after that, and left as soon as a job waits. Defaults
            to `None`: nothing.
        most_waiting: jobs that may wait.
    """

    def __init__(self, load: Callable[[], Any], warm_up: Work | None = None, most_waiting: int = 32):
        self.state, self.message = "loading", None
        self.composer: Any = None
        self._load, self._warm_up = load, warm_up
        self._most_waiting = most_waiting
        self._jobs: collections.OrderedDict[str, Job] = collections.OrderedDict()
        self._waiting: collections.deque[Job] = collections.deque()
        self._running: Job | None = None
        self._stopped = False
        self._label = "Composing; the first takes need longer"  # something may be compiled
        self._wake = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="composing", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Cancels all jobs; the thread ends with the step that it is at."""
        with self._wake:
            self._stopped = True
            jobs = [*self._waiting, *([self._running] if self._running else [])]
            self._wake.notify()
        for job in jobs:
            job.cancel()

    def submit(self, work: Work) -> Job:
        """Queues a job.

        Raises:
            BusyError: if too many wait.
        """
        job = Job(work)
        with self._wake:
            self._forget_cancelled()
            if len(self._waiting) >= self._most_waiting:
                raise BusyError(f"{len(self._waiting)} jobs wait already")
            self._waiting.append(job)
            self._jobs[job.id] = job
            over = [key for key, other in self._jobs.items() if other.is_over]
            for key in itertools.islice(over, max(0, len(self._jobs) - _MOST_KEPT)):
                del self._jobs[key]
            self._tell_waiting()
            self._wake.notify()
        return job

    def job(self, key: str) -> Job:
        """The job of an id.

        Raises:
            KeyError: if there is none.
        """
        return self._jobs[key]

    def cancel(self, job: Job) -> None:
        """Cancels a job; those behind it move up."""
        job.cancel()
        with self._wake:
            self._forget_cancelled()
            self._tell_waiting()

    def _forget_cancelled(self):
        self._waiting = collections.deque(job for job in self._waiting if not job.is_over)

    def _tell_waiting(self):
        for place, job in enumerate(self._waiting):
            job.tell("queued", {"ahead": place + (self._running is not None)})

    def _run(self):
        try:
            self.composer = self._load()
            self.state = "ready"
        except Exception as error:  # whatever keeps it from loading is shown on the page
            self.state, self.message = "failed", _one_line(error)
        else:
            # Nothing but time is lost without it.
            with contextlib.suppress(Exception):
                if self._warm_up is not None:
                    self._warm_up(self.composer, self._make_way)
                    self._label = "Composing"
        while True:
            with self._wake:
                self._running = None
                while not self._stopped and not self._waiting:
                    self._wake.wait()
                if self._stopped:
                    return
                self._running = job = self._waiting.popleft()
                self._tell_waiting()
            self._do(job)

    def _make_way(self, label, done, total):
        if self._waiting or self._stopped:
            raise CancelledError

    def _do(self, job):
        try:
            job.progress(self._label, 0, 0)
            if self.state == "failed":
                raise ValueError(f"The model did not load: {self.message}")
            result = job.work(self.composer, job.progress)
            self._label = "Composing"
            if job.is_cancelled:
                raise CancelledError
            job.tell("done", result)
        except CancelledError:
            job.tell("cancelled", {})
        except Exception as error:  # a job must not end the thread
            if not isinstance(error, ValueError):
                traceback.print_exc()
            job.tell("failed", {"message": _one_line(error)})


def _one_line(error):
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, ValueError | OSError | ImportError) else f"{type(error).__name__}: {text}"
