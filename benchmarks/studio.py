"""How long people wait for the studio: for its page, its model, the first sign of a job, and its takes.

    python benchmarks/studio.py --song examples/tune.mid --bars 17-32

Starts `symdiff studio` as a user does, and asks it as its page does. Prints seconds, and the load of the machine.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
import urllib.request


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.read()


def cpu_seconds(process):
    """Seconds that a process has computed, on all cores together; Linux tells."""
    with open(f"/proc/{process.pid}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def compose(url, song, asked):
    """Seconds to the first event, and to the last one."""
    start = time.perf_counter()
    job = json.loads(ask(f"{url}api/songs/{song}/compose", asked))["job"]
    first = None
    with urllib.request.urlopen(f"{url}api/jobs/{job}/events", timeout=300) as events:
        for line in events:
            if line.startswith(b"event: "):
                first = first or time.perf_counter() - start
                kind = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                told = line[6:].decode()
    assert kind == "done", told
    return first, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--song", default="examples/tune.mid")
    parser.add_argument("--bars", default="17-32")
    parser.add_argument("--takes", type=int, default=8)
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--times", type=int, default=5, help="jobs after the first")
    options = parser.parse_args()
    code = "from keras_symdiff.cli.main import main; main()"
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code, "studio", options.song, "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    try:
        url = re.search(r"http://\S+", process.stdout.readline())[0]
        ask(url)
        print(f"page           {time.perf_counter() - start:.2f}")
        while (state := json.loads(ask(f"{url}api/state")))["model"] == "loading":
            time.sleep(0.05)
        print(f"model          {time.perf_counter() - start:.2f}   {state['model']}")
        asked = {"bars": [options.bars], "takes": options.takes, "quality": options.quality}
        for number in range(options.times + 1):
            computed = cpu_seconds(process)
            first, cards = compose(url, state["song"], asked | {"seed": number})
            computed = cpu_seconds(process) - computed
            print(f"job {number}          first event {first:.3f}   takes {cards:.2f}   of CPU {computed:.2f}")
    finally:
        process.kill()
    print(f"load           {', '.join(f'{load:.1f}' for load in os.getloadavg())}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
