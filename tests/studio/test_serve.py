"""The command, as people start and end it."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

SONG = pathlib.Path(__file__).parents[1] / "data" / "pop909" / "331.mid"


def start(*arguments):
    code = "from keras_symdiff.cli.main import main; main()"
    command = [sys.executable, "-c", code, "studio", "--no-browser", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line + process.stderr.read()
    return process, found[0]


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_at_once_also_in_the_middle_of_a_job(sign, hearing_preset):
    process, url = start(SONG, "--preset", hearing_preset)
    try:
        assert url.startswith("http://127.0.0.1:")
        state = json.loads(get(f"{url}api/state"))  # answers while the model loads
        assert state["model"] in ("loading", "ready")
        body = json.dumps({"bars": ["1-20"], "takes": 64, "quality": "best"}).encode()
        request = urllib.request.Request(
            f"{url}api/songs/{state['song']}/compose", body, {"Content-Type": "application/json"}
        )
        job = json.loads(get(request))["job"]
        with urllib.request.urlopen(f"{url}api/jobs/{job}/events", timeout=600) as events:
            while b"progress" not in events.readline():
                pass
            process.send_signal(sign)
            assert process.wait(60) in (0, -sign)
    finally:
        process.kill()
    output = process.stderr.read()
    assert "Traceback" not in output, output


def test_only_this_machine_can_reach_it_and_ports_are_free_ones():
    first, url = start()
    second, other = start()
    try:
        assert url != other
        port = int(url.rsplit(":", 1)[1].strip("/"))
        with socket.socket() as same, pytest.raises(OSError, match="in use"):
            same.bind(("127.0.0.1", port))
        with socket.socket() as elsewhere:
            elsewhere.bind(("127.0.0.2", port))  # free: it does not listen on every address
        assert json.loads(get(f"{url}api/state"))["song"] is None
    finally:
        for process in (first, second):
            process.terminate()
            process.wait(30)


def test_a_host_gets_a_token():
    process, url = start("--host", "127.0.0.1")
    try:
        token = url.split("?token=")[1]
        assert len(token) >= 20
        assert json.loads(get(url.replace("/?", "/api/state?")))["song"] is None
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.mid"], "none.mid"),
        (["--preset", "none"], "none"),
        (["--token", "x"], "--token is for --host"),
        (["--host", "256.0.0.1"], "256.0.0.1:0: "),
        ([__file__], "is not a MIDI file"),
    ],
)
def test_what_cannot_be_served_is_one_line(cli, arguments, words):
    code, out, err = cli("studio", "--no-browser", *arguments)
    assert code in (1, 2)
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert not out


def test_a_port_that_is_taken_is_named(cli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, err = cli("studio", "--no-browser", "--port", address.partition(":")[2])
    assert (code, err) == (1, f"Error: {address}: Address already in use\n")
