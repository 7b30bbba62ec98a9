"""The studio's HTTP interface: the page, and JSON for it and for other programs."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from keras_symdiff.diffusion.sampler import QUALITIES, as_sampler
from keras_symdiff.studio.worker import Busy, Job, Worker
from keras_symdiff.studio.workspace import NotThere, OpenSong, Workspace, save_beside
from keras_symdiff.version import __version__

PAGE = Path(__file__).parent / "page"
_MIDI = "audio/midi"
_ALONE_SECONDS = 1.0  # after which a job is cancelled to which nobody listens any more


class ComposeRequest(BaseModel):
    """What is to be composed anew, and how."""

    model_config = ConfigDict(extra="forbid")

    track: int | None = Field(None, ge=0, description="index of the melody's track")
    bars: list[str] = Field([], description='bars to compose, such as "17-20"')
    beats: list[tuple[int, int]] = Field([], description="stretches (start, end) in ticks, to the nearest beats")
    locks: list[tuple[int, int]] = Field([], description="notes (start in ticks, pitch) that stay")
    takes: int = Field(4, ge=1, le=64)
    seed: int = Field(0, ge=0, lt=1 << 32)
    quality: str = "normal"
    density: float | None = None
    pitch_range: tuple[str, str] | None = None
    key: str | None = None
    chords: str | None = None
    harmony: bool = True
    strictness: float | None = Field(None, description="how strictly chords are followed; 3 if left out")
    like: str | None = Field(None, description="id of a take to start from")
    variation: float = 0.3
    base: list[str] = Field([], description="ids of takes that are in the song already")


class NewSong(BaseModel):
    """A song from nothing."""

    model_config = ConfigDict(extra="forbid")

    chords: str
    key: str | None = None
    bars: int = Field(16, ge=4, le=512)
    tempo: float = Field(110, ge=20, le=400)


class TakeIds(BaseModel):
    """Takes of a song, in the order in which they are put in."""

    model_config = ConfigDict(extra="forbid")

    takes: list[str] = []


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

    @app.exception_handler(StarletteHTTPException)
    async def _http_error(request: Request, error: StarletteHTTPException):
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError):
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"][1:])
        return JSONResponse({"error": f"{place}: {problem['msg']}"}, 422)

    @app.exception_handler(NotThere)
    async def _not_there(request: Request, error: NotThere):
        return JSONResponse({"error": str(error.args[0])}, 404)

    @app.exception_handler(Busy)
    async def _busy(request: Request, error: Busy):
        return JSONResponse({"error": str(error)}, 429)

    @app.exception_handler(ValueError)
    async def _refused(request: Request, error: ValueError):
        return JSONResponse({"error": " ".join(str(error).split())[:1000]}, 422)

    @app.exception_handler(ImportError)
    async def _needs_more(request: Request, error: ImportError):
        return JSONResponse({"error": " ".join(str(error).split())[:1000]}, 415)

    @app.get("/", include_in_schema=False)
    async def _page():
        return FileResponse(PAGE / "index.html")

    app.mount("/page", StaticFiles(directory=PAGE, check_dir=False), name="page")

    @app.get("/api/state", tags=["studio"])
    async def state() -> dict[str, Any]:
        """Whether the model is loaded, and which song was named on the command line."""
        return {
            "model": worker.state,
            "message": worker.message,
            "song": None if first is None else first.id,
            "preset": Path(preset).name,
            "qualities": list(QUALITIES),
            "can_condition": bool(getattr(worker.composer, "hears", False)),
        }

    @app.post("/api/songs", status_code=201, tags=["songs"])
    def open_song(file: Annotated[UploadFile, File(description="MIDI, or what note-seq reads")]) -> Response:
        """Opens a song."""
        return _song(workspace.open_bytes(file.filename or "song.mid", file.file.read()), 201)

    @app.get("/api/songs/{song}", tags=["songs"])
    def get_song(song: str) -> Response:
        """A song: bars, tempos, chords, key and the notes of all tracks, in ticks."""
        return _song(workspace.song(song))

    @app.get("/api/songs/{song}/file.mid", tags=["songs"])
    def get_file(song: str, takes: str = "") -> Response:
        """The MIDI file of a song, with takes (ids, separated by commas) put in; all else as it was."""
        opened = workspace.song(song)
        return _download(workspace.with_takes(opened, _ids(takes)).data, _MIDI, f"{Path(opened.name).stem}.mid")

    @app.post("/api/songs/{song}/save", status_code=201, tags=["songs"])
    def save(song: str, chosen: TakeIds) -> dict[str, str]:
        """Saves a song with takes put in beside the one that was named on the command line, under a new name."""
        opened = workspace.song(song)
        return {"path": str(save_beside(opened, workspace.with_takes(opened, chosen.takes).data))}

    @app.post("/api/songs/{song}/compose", status_code=202, tags=["takes"])
    def compose(song: str, asked: ComposeRequest) -> dict[str, str]:
        """Composes bars of a song's melody anew; `/api/jobs/{job}/events` tells how far it is."""
        opened = workspace.song(song)
        based = workspace.with_takes(opened, asked.base)
        like = None if asked.like is None else workspace.take(asked.like).take
        sampler = as_sampler(asked.quality)
        if asked.strictness is not None:
            sampler = dataclasses.replace(sampler, condition_scale=asked.strictness)

        def work(composer, progress):
            takes = composer.infill(
                based, bars=asked.bars, takes=asked.takes, seed=asked.seed, quality=sampler,
                track=None if asked.track is None else asked.track + 1, harmony=asked.harmony, chords=asked.chords,
                key=asked.key, density=asked.density, pitch_range=asked.pitch_range, like=like,
                variation=asked.variation, progress=progress,
            )  # fmt: skip
            return workspace.add_takes(opened, takes)

        return {"job": worker.submit(work).id}

    @app.get("/api/jobs/{job}/events", tags=["takes"], response_class=StreamingResponse)
    async def events(job: str) -> Response:
        """Server-sent events: `queued`, `progress`, then one of `done`, `cancelled` and `failed`."""
        return StreamingResponse(
            _event_stream(worker, _job(worker, job)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @app.delete("/api/jobs/{job}", status_code=204, tags=["takes"])
    async def cancel(job: str) -> None:
        """Cancels a job: at once if it waits, else within a step."""
        worker.cancel(_job(worker, job))

    return app


def _job(worker, key):
    try:
        return worker.job(key)
    except KeyError:
        raise NotThere(f"There is no job {key!r:.40}, or not any more") from None


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


def _song(opened: OpenSong, status=200):
    return Response(
        json.dumps(opened.view() | {"can_save": opened.folder is not None}), status, media_type="application/json"
    )


def _ids(text):
    return [key for key in text.split(",") if key]


def _download(data, media_type, name):
    ascii_name = "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in name)
    return Response(
        data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{ascii_name}"'}
    )
