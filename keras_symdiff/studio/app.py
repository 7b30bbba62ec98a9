"""The studio's HTTP interface: the page, and JSON for it and for other programs."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import keras_symdiff.render
from keras_symdiff.diffusion.sampler import QUALITIES, as_sampler
from keras_symdiff.infilling.gaps import range_name
from keras_symdiff.infilling.infill_request import InfillRequest
from keras_symdiff.music.key import Key
from keras_symdiff.music.song import MidiError, Song
from keras_symdiff.studio.downloads import as_audio, as_picture, as_record
from keras_symdiff.studio.messages import (
    ChosenTakes,
    ComposeRequest,
    JobId,
    NewSong,
    Problem,
    SavedFile,
    SongView,
    State,
    TakeView,
    answers,
)
from keras_symdiff.studio.new_song import new_song
from keras_symdiff.studio.worker import BusyError, Job, Worker
from keras_symdiff.studio.workspace import (
    NotThereError,
    Workspace,
    read_song,
    save_beside,
    with_takes,
)
from keras_symdiff.version import __version__

PAGE = Path(__file__).parent / "page"
WEB = Path(keras_symdiff.render.__file__).parent / "web"  # what the offline page of takes uses too
_MIDI = "audio/midi"
_ALONE_SECONDS = 1.0  # after which a job is cancelled to which nobody listens any more
_LOOK_SECONDS = 0.2  # how often it is looked whether somebody still waits
_STATUSES = {NotThereError: 404, BusyError: 429, ImportError: 415, OSError: 500, ValueError: 422}


def make_app(worker: Worker, preset: str, song: str | Path | None = None) -> FastAPI:
    """Makes the application.

    Args:
        worker: what composes.
        preset: name of the preset that it loads.
        song: path of a file to open at once. Defaults to `None`.

    Raises:
        MidiError: if that cannot be used.
        OSError: if it cannot be read.
    """
    workspace = Workspace()
    first = None if song is None else workspace.open_path(song)
    app = FastAPI(title="keras_symdiff studio", version=__version__, docs_url=None, redoc_url=None)
    app.mount("/page", StaticFiles(directory=PAGE), name="page")
    app.mount("/web", StaticFiles(directory=WEB), name="web")
    _answer_errors(app)
    _add_songs(app, workspace)
    _add_takes(app, workspace, worker)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return FileResponse(PAGE / "docs.html")

    @app.get("/api/state", tags=["Studio"], responses=answers(State))
    async def state() -> State:
        """Whether the model is loaded, and which song was named on the command line."""
        return State(
            model=worker.state,
            message=worker.message,
            song=None if first is None else first.id,
            preset=Path(preset).name,
            qualities=list(QUALITIES),
            can_condition=bool(getattr(worker.composer, "hears", False)),
        )

    return app


def _answer_errors(app):
    """Makes every error one line of JSON."""

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException):
        return _problem(error.status_code, error.detail)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError):
        return _problem(422, _in_words(error.errors()[0]))

    def answer(status):
        async def handler(request: Request, error: Exception):
            return _problem(status, error.args[0] if status == 404 else error)

        return handler

    for kind, status in _STATUSES.items():
        app.add_exception_handler(kind, answer(status))


def _in_words(problem):
    """What pydantic finds wrong with a request: the rule, then what was received."""
    kind, place = problem["type"], [str(part) for part in problem["loc"][1:]]
    if kind == "json_invalid":
        return f"The request's body must be JSON. Received: {problem['ctx']['error']} at character {place[0]}"
    name = ".".join(place) or "body"
    if kind == "missing":
        return f"`{name}` is missing"
    rule = "is nothing that can be asked for" if kind == "extra_forbidden" else ""
    rule = rule or problem["msg"].replace("Input should", "must").removeprefix("Value error, ")
    return f"`{name}` {rule}. Received: {name}={problem['input']!r:.200}"


def _problem(status, text):
    return JSONResponse({"error": " ".join(str(text).split())[:1000]}, status)


def _add_songs(app: FastAPI, workspace: Workspace) -> None:
    created = {"status_code": 201, "tags": ["Songs"], "responses": answers(SongView, 201)}

    # Not `async`: these run in threads, for a long song takes a moment.
    @app.post("/api/songs", **created)
    def open_song(file: Annotated[UploadFile, File(description="MIDI, or what note-seq reads")]) -> Response:
        """Opens a song."""
        return _json(workspace.add(*_read(file)).view(), 201)

    @app.post("/api/songs/new", **created)
    def make_song(asked: NewSong) -> Response:
        """Makes a song of chords, with a track for a melody to come."""
        made = new_song(asked.chords, asked.bars, asked.tempo, asked.key)
        key = None if asked.key is None else str(Key.parse(asked.key))
        return _json(workspace.add("New song.mid", made, is_new=True, key=key).view(), 201)

    @app.get("/api/songs/{song}", tags=["Songs"], responses=answers(SongView))
    def get_song(song: str) -> Response:
        """A song: bars, tempos, chords, key and the notes of all tracks, in ticks."""
        return _json(workspace.song(song).view())

    @app.get("/api/songs/{song}/file.mid", tags=["Songs"], responses=_file_of(_MIDI))
    def get_file(song: str, takes: str = "") -> Response:
        """The song's file with takes (ids, separated by commas) put in, every other event as it was."""
        opened, _, now = _now(workspace, song, takes)
        return _file(now.data, _MIDI, f"{opened.stem}.mid")

    @app.get("/api/songs/{song}/audio.wav", tags=["Songs"], responses=_file_of("audio/wav"))
    def get_audio(song: str, takes: str = "") -> Response:
        """The same as sound."""
        opened, _, now = _now(workspace, song, takes)
        return _file(as_audio(now), "audio/wav", f"{opened.stem}.wav")

    @app.get("/api/songs/{song}/roll.png", tags=["Songs"], responses=_file_of("image/png"))
    def get_picture(song: str, takes: str = "") -> Response:
        """The melody's piano roll: as it is, beneath how it was."""
        opened, made, now = _now(workspace, song, takes)
        return _file(as_picture(opened.name, opened.song, now, made), "image/png", f"{opened.stem}.png")

    @app.post("/api/songs/{song}/save", status_code=201, tags=["Songs"], responses=answers(SavedFile, 201))
    def save(song: str, chosen: ChosenTakes) -> SavedFile:
        """Saves the song with takes put in beside the file that was named on the command line, under a new name."""
        opened = workspace.song(song)
        now = with_takes(opened.song, workspace.takes_of(opened, chosen.takes))
        return SavedFile(path=str(save_beside(opened, now.data)))


def _add_takes(app: FastAPI, workspace: Workspace, worker: Worker) -> None:
    @app.post("/api/songs/{song}/compose", status_code=202, tags=["Takes"], responses=answers(JobId, 202))
    def compose(song: str, asked: ComposeRequest) -> JobId:
        """Composes bars of the song's melody anew. It takes a moment: see the job's events."""
        opened = workspace.song(song)
        base = with_takes(opened.song, workspace.takes_of(opened, asked.base))
        grid = opened.song.grid
        beats = [range_name(grid, *_steps(grid, start, end)) for start, end in asked.beats]
        options = {
            "bars": (*asked.bars, *beats), "keep_notes": tuple(asked.locks), "takes": asked.takes, "seed": asked.seed,
            "track": asked.track or opened.new_line, "harmony": asked.harmony,
            "chords": asked.chords, "key": asked.key, "density": asked.density, "pitch_range": asked.pitch_range,
            "variation": asked.variation,
        }  # fmt: skip
        sampler = as_sampler(asked.quality)
        if asked.strictness is not None:
            sampler = dataclasses.replace(sampler, condition_scale=asked.strictness)
        request = InfillRequest(sampler=sampler, **options)
        try:
            piece = request.find(base)  # what cannot be composed is refused at once
        except MidiError:
            if not (opened.is_new and asked.base):
                raise
            base = opened.song  # all of a new line: from nothing, again
            piece = request.find(base)
        like = None
        if asked.like is not None:
            (like,) = (made.take for made in workspace.takes_of(opened, [asked.like]))
            request.varying(like.melody, piece)

        def work(composer, progress):
            takes = composer.infill(base, quality=sampler, like=like, progress=progress, **options)
            return workspace.add_takes(opened, takes)

        return JobId(job=worker.submit(work).id)

    @app.get("/api/jobs/{job}/events", tags=["Takes"], response_class=_EventStream)
    async def events(job: str) -> Response:
        """Server-sent events.

        `queued {ahead}` and `progress {label, done, total}`, then one of `done {takes, original, left_out}`,
        `cancelled {}` and `failed {message}`. A job whose listeners have gone is cancelled.
        """
        return _EventStream(_event_stream(worker, _job(worker, job)), headers={"Cache-Control": "no-store"})

    @app.delete("/api/jobs/{job}", status_code=204, tags=["Takes"])
    async def cancel(job: str) -> None:
        """Cancels a job: at once if it waits, else within a step."""
        worker.cancel(_job(worker, job))

    @app.get("/api/takes/{take}", tags=["Takes"], responses=answers(TakeView))
    def get_take(take: str) -> Response:
        """A take."""
        return _json(workspace.take(take).view())

    @app.get("/api/takes/{take}/record.zip", tags=["Takes"], responses=_file_of("application/zip"))
    def get_record(take: str) -> Response:
        """The record of a take for `symdiff replay`, with the file it was made from, and its own."""
        made = workspace.take(take)
        return _file(as_record(made), "application/zip", f"{made.song.stem}_take{made.take.number}.zip")

    @app.post("/infill", tags=["Without state"], responses=_file_of(_MIDI))
    async def infill(
        request: Request,
        file: Annotated[UploadFile, File(description="MIDI, or what note-seq reads")],
        bars: Annotated[list[str], Form(description='such as "17-32"; several times for several stretches')],
        track: Annotated[int | None, Form(ge=1, description="number of the melody's track, from 1")] = None,
        takes: Annotated[int, Form(ge=1, le=64, description="composed, of which the best is returned")] = 1,
        seed: Annotated[int, Form(ge=0, lt=1 << 32)] = 0,
        quality: Annotated[str, Form(description="draft, normal or best")] = "normal",
        chords: Annotated[str | None, Form()] = None,
        key: Annotated[str | None, Form()] = None,
        density: Annotated[float | None, Form()] = None,
    ) -> Response:
        """Composes bars of a file and returns the new file; nothing is kept."""
        name, song = await run_in_threadpool(_read, file)
        options = {
            "bars": tuple(bars), "track": track, "takes": takes, "seed": seed,
            "chords": chords, "key": key, "density": density,
        }  # fmt: skip
        sampler = as_sampler(quality)
        await run_in_threadpool(InfillRequest(sampler=sampler, **options).find, song)

        def work(composer, progress):
            return composer.infill(song, quality=sampler, progress=progress, **options).best.midi

        job = worker.submit(work)
        await _over(request, worker, job)
        kind, data = job.last
        if kind == "done":
            return _file(data, _MIDI, f"{Path(name).stem}_infilled.mid")
        return _problem(422, data.get("message", "Cancelled"))


class _EventStream(StreamingResponse):
    media_type = "text/event-stream"


def _job(worker, key):
    try:
        return worker.job(key)
    except KeyError:
        raise NotThereError(f"There is no job {key!r:.40}, or not any more") from None


async def _event_stream(worker: Worker, job: Job) -> AsyncIterator[str]:
    try:
        async for event in job.events():
            yield f"event: {event.kind}\ndata: {json.dumps(event.data, separators=(',', ':'))}\n\n"
    finally:
        if not job.is_over:
            asyncio.get_running_loop().call_later(_ALONE_SECONDS, _cancel_if_alone, worker, job)


def _cancel_if_alone(worker, job):
    if not job.listeners and not job.is_over:
        worker.cancel(job)


async def _over(request, worker, job):
    """Waits until a job is over; cancels it if its sender has gone."""

    async def listen():
        async for _ in job.events():
            pass

    listening = asyncio.ensure_future(listen())
    while not (await asyncio.wait([listening], timeout=_LOOK_SECONDS))[0]:
        if await request.is_disconnected():
            worker.cancel(job)


def _now(workspace, key, takes):
    """A song that is open, takes of it, and the song with them."""
    opened = workspace.song(key)
    made = workspace.takes_of(opened, [take for take in takes.split(",") if take])
    return opened, made, with_takes(opened.song, made)


def _steps(grid, start, end):
    first = max(0, int(grid.steps(start)))
    return first, max(first + 1, int(grid.steps(end)))


def _read(file) -> tuple[str, Song]:
    name = Path((file.filename or "").replace("\\", "/")).name or "song.mid"
    return name, read_song(name, file.file.read())


def _json(data: Any, status: int = 200) -> Response:
    # FastAPI would check each note of what this package has made.
    return Response(json.dumps(data, separators=(",", ":")), status, media_type="application/json")


def _file_of(media_type):
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"content": content, "description": "The file"}, "4XX": {"model": Problem}}


def _file(data: bytes, media_type: str, name: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(data, media_type=media_type, headers={"Content-Disposition": disposition})
