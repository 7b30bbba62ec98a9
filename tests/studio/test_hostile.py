"""What a studio refuses, and what it survives."""

import io
import socket
import time

import httpx
import mido
import pytest
from studio_client import run_studio


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


def midi(name="Melody", count=16):
    """A MIDI file of a track of some name."""
    file = mido.MidiFile()
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    for index in range(count):
        track += [
            mido.Message("note_on", note=60 + index % 12, velocity=90),
            mido.Message("note_off", note=60 + index % 12, time=240),
        ]
    file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


# --- requests from elsewhere ---


@pytest.mark.parametrize("path", ["/", "/api/state", "/page/main.js", "/docs"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", ""])
def test_another_host_is_refused_so_that_no_name_can_be_bent_to_this_machine(client, path, host):
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code in (400, 403)
    assert "song" not in answer.text.replace("server", "")


def test_the_names_of_this_machine_are_good(client):
    port = client.base_url.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
        assert client.get("/api/state", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:PORT", "http://127.0.0.1:1", "file://"]
)
def test_another_origin_is_refused_and_does_nothing(client, origin):
    song, port = client.song(), client.base_url.port
    headers = {"Origin": origin.replace("PORT", str(port))}
    for answer in (
        client.post(f"/api/songs/{song}/compose", json={"bars": ["9"]}, headers=headers),
        client.post("/api/songs", files={"file": ("a.mid", midi())}, headers=headers),
        client.post(f"/api/songs/{song}/save", json={"takes": []}, headers=headers),
        client.get("/api/state", headers=headers),
    ):
        assert answer.status_code == 403, answer.text
        assert "access-control-allow-origin" not in answer.headers
    own = {"Origin": f"http://127.0.0.1:{port}"}
    assert client.get("/api/state", headers=own).status_code == 200


def test_two_hosts_are_none(client):
    with socket.create_connection(("127.0.0.1", client.base_url.port)) as connection:
        own = f"127.0.0.1:{client.base_url.port}".encode()
        connection.sendall(b"GET /api/state HTTP/1.1\r\nHost: " + own + b"\r\nHost: evil\r\n\r\n")
        assert b" 400 " in connection.recv(4096).split(b"\r\n")[0]


def test_nothing_may_come_from_elsewhere_into_the_page(client):
    for path in ("/", "/docs", "/api/state", "/page/main.js"):
        headers = client.get(path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'self'"
        assert "script-src" not in policy
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


# --- the token ---


@pytest.fixture(scope="module")
def guarded(composer, song):
    with run_studio(song=song, host="127.0.0.1", token="an_open-Secret", load=lambda: composer) as client:
        yield client


def test_a_host_needs_a_token_for_all_but_the_page(guarded):
    assert guarded.studio.url.endswith("/?token=an_open-Secret")
    assert [guarded.get(path).status_code for path in ("/", "/page/main.js")] == [200, 200]
    for path in ("/api/state", "/docs", "/openapi.json", "/api/songs/x/file.mid"):
        assert guarded.get(path).status_code == 401
        assert guarded.get(path, headers={"X-Token": "wrong"}).status_code == 401
        assert guarded.get(path, params={"token": "wrong"}).status_code == 401
        assert guarded.get(path, params={"token": ""}).status_code == 401
    assert guarded.post("/infill", files={"file": midi()}, data={"bars": "1"}).status_code == 401
    assert guarded.get("/api/state", params={"token": "an_open-Secret"}).json()["song"]
    assert guarded.get("/api/state", headers={"X-Token": "an_open-Secret"}).status_code == 200


def test_with_a_token_the_origin_is_still_the_page(guarded):
    headers = {"X-Token": "an_open-Secret", "Host": "studio.lan:8000"}
    assert guarded.get("/api/state", headers=headers).status_code == 200
    assert guarded.get("/api/state", headers=headers | {"Origin": "http://studio.lan:8000"}).status_code == 200
    assert guarded.get("/api/state", headers=headers | {"Origin": "http://evil.example"}).status_code == 403


# --- what is sent ---


def raw(client, head, chunks):
    """Sends a request piece by piece until it is answered; returns the status line and how much was sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", client.base_url.port), timeout=30) as connection:
        host = f"127.0.0.1:{client.base_url.port}"
        connection.sendall(f"POST /api/songs HTTP/1.1\r\nHost: {host}\r\n{head}\r\n\r\n".encode())
        try:
            for chunk in chunks:
                connection.sendall(chunk)
                sent += len(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
    return answer.split(b"\r\n")[0].decode(), sent


FORM = "Content-Type: multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.mid"\r\n\r\n'


def test_a_large_upload_is_refused_before_it_is_sent(client):
    line, _ = raw(client, f"{FORM}\r\nContent-Length: {100 << 20}\r\nExpect: 100-continue", [])
    assert " 413 " in line
    line, _ = raw(client, f"{FORM}\r\nContent-Length: 1e9", [])
    assert " 400 " in line or " 413 " in line


def test_a_large_upload_that_hides_its_length_is_refused_on_the_way(client):
    mebibyte = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    chunks = [b"%x\r\n" % len(PART) + PART + b"\r\n", *[mebibyte] * 100]
    line, sent = raw(client, f"{FORM}\r\nTransfer-Encoding: chunked", chunks)
    assert " 413 " in line or not line  # the connection may be cut before the answer is read
    assert sent < 40 << 20
    assert client.get("/api/state").status_code == 200


def test_a_song_of_too_many_notes_is_refused(client):
    from keras_symdiff.studio.workspace import MOST_NOTES

    # One note-on and one note-off for each, in running status: the smallest file there is.
    body = b"\x00\x90\x3c\x40" + b"\x00\x3c\x00\x00\x3c\x40" * MOST_NOTES + b"\x01\x3c\x00\x00\xff\x2f\x00"
    data = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk" + len(body).to_bytes(4) + body
    answer = client.post("/api/songs", files={"file": ("a.mid", data)})
    assert answer.status_code == 422
    assert "notes, more than" in answer.json()["error"]


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("a.mid", b"", 422),
        ("a.mid", b"<script>alert(1)</script>", 422),
        ("a.mid", midi()[:60], 422),
        ("a.mid", b"MThd\xff\xff\xff\xff" + bytes(100), 422),
        ("a.musicxml", b"<!DOCTYPE lolz [<!ENTITY a 'b'>]><score-partwise>&a;", 422),
        ("a.mxl", b"PK\x03\x04 no archive", 422),
        ("a.abc", b"\xff\xfe", 422),
    ],
)
def test_a_corrupt_file_is_refused_in_one_line(client, name, data, status):
    for answer in (
        client.post("/api/songs", files={"file": (name, data)}),
        client.post("/infill", files={"file": (name, data)}, data={"bars": "1"}),
    ):
        assert answer.status_code == status, answer.text
        assert answer.json()["error"].startswith(name)
        assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"bars": [' + b"[" * 100_000, b'{"bars": "9"}', b"\xff"])
def test_what_is_no_request_is_refused(client, body):
    answer = client.post(
        f"/api/songs/{client.song()}/compose", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]


def test_the_text_of_a_song_is_never_html(client):
    name = "<script>alert(1)</script>"
    answer = client.post("/api/songs", files={"file": ("<img src=x onerror=alert(1)>.mid", midi(name))})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["tracks"][0]["name"] == name
    song = answer.json()["id"]
    file = client.get(f"/api/songs/{song}/file.mid")
    assert file.headers["content-type"] == "audio/midi"
    assert "<" not in file.headers["content-disposition"]
    wrong = client.post(f"/api/songs/{song}/compose", json={"bars": [name]})
    assert wrong.headers["content-type"] == "application/json"


def test_files_of_the_machine_are_not_served(client):
    for path in ("/page/../app.py", "/page/%2e%2e/app.py", "/page//etc/passwd", "/web/..%2f..%2fcomposer.py"):
        with socket.create_connection(("127.0.0.1", client.base_url.port)) as connection:
            host = f"127.0.0.1:{client.base_url.port}"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            assert b" 404 " in connection.recv(4096).split(b"\r\n")[0]


# --- jobs ---


def test_two_jobs_at_once_take_turns_and_see_it(slow):
    song = slow.song()
    first = slow.events(slow.start(song, bars=["9"]))
    slow.composer.started.wait(20)
    second, third = (slow.events(slow.start(song, bars=["9"])) for _ in range(2))
    assert next(first)[0] == "progress"
    assert next(second) == ("queued", {"ahead": 1})
    assert next(third) == ("queued", {"ahead": 2})
    slow.composer.go_on.set()
    assert [list(seen)[-1][0] for seen in (first, second, third)] == ["done"] * 3


def test_a_job_is_cancelled_in_the_middle_and_the_next_one_runs(slow):
    song = slow.song()
    job = slow.start(song, bars=["9"])
    seen = slow.events(job)
    wait_for(lambda: next(seen)[1].get("done") == 1)
    waiting = slow.start(song, bars=["9"])
    assert slow.delete(f"/api/jobs/{job}").status_code == 204
    assert list(seen)[-1] == ("cancelled", {})
    assert slow.delete(f"/api/jobs/{job}").status_code == 204  # again: nothing
    slow.composer.go_on.set()
    assert list(slow.events(waiting))[-1][0] == "done"


def test_a_waiting_job_is_cancelled_at_once(slow):
    song = slow.song()
    slow.start(song, bars=["9"])
    second, third = slow.start(song, bars=["9"]), slow.start(song, bars=["9"])
    slow.delete(f"/api/jobs/{second}")
    assert list(slow.events(second)) == [("cancelled", {})]
    assert next(slow.events(third)) == ("queued", {"ahead": 1})
    slow.composer.go_on.set()


def test_a_page_that_is_closed_cancels_its_job(slow):
    job = slow.start(slow.song(), bars=["9"])
    with httpx.Client(base_url=slow.base_url, timeout=30) as page, page.stream("GET", f"/api/jobs/{job}/events"):
        slow.composer.started.wait(20)
        assert slow.composer.running == 1
    wait_for(lambda: slow.composer.running == 0)
    assert list(slow.events(job)) == [("cancelled", {})]


def test_a_program_that_goes_away_cancels_its_infill(slow, song):
    with pytest.raises(httpx.ReadTimeout):
        slow.post("/infill", files={"file": song.read_bytes()}, data={"bars": "9"}, timeout=0.5)
    slow.composer.started.wait(20)
    wait_for(lambda: slow.composer.running == 0)


def test_too_many_jobs_are_refused(slow):
    song = slow.song()
    slow.start(song, bars=["9"])
    slow.composer.started.wait(20)
    answers = [slow.post(f"/api/songs/{song}/compose", json={"bars": ["9"]}) for _ in range(40)]
    assert [answer.status_code for answer in answers[-8:]] == [429] * 8
    assert "wait already" in answers[-1].json()["error"]


def test_a_job_that_fails_leaves_the_worker_at_work(slow):
    song, composer = slow.song(), slow.composer.composer
    slow.composer.composer = None
    slow.composer.go_on.set()
    kind, data = list(slow.events(slow.start(song, bars=["9"])))[-1]
    assert kind == "failed"
    assert "\n" not in data["message"]
    slow.composer.composer = composer
    assert list(slow.events(slow.start(song, bars=["9"])))[-1][0] == "done"


def test_a_model_that_does_not_load_is_told(song):
    def fail():
        raise ValueError("its files\nare damaged")

    with run_studio(song=song, load=fail) as client:
        wait_for(lambda: client.get("/api/state").json()["model"] == "failed")
        assert client.get("/api/state").json()["message"] == "its files are damaged"
        assert client.get("/").status_code == 200
        kind, data = list(client.events(client.start(client.song(), bars=["9"])))[-1]
        assert (kind, "its files are damaged" in data["message"]) == ("failed", True)
