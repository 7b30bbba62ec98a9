"""Peak memory and seconds of many pieces, each row a process of its own; prints the tables for README.md.

python benchmarks/many.py sample 64 128 256 [--quality draft]             `symdiff sample -n N -o FILE.npz`
python benchmarks/many.py score 1000 2000 4000                        what `evaluate` computes of one generator's pieces
"""

import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import click
import numpy as np

LATENT_DIM = 42  # the paper's

SCORE = """
import sys
import numpy as np
from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.evaluation.score import Reference, score

count, dim = int(sys.argv[1]), int(sys.argv[2])
stream = np.random.default_rng(0)
tokens = np.zeros((2 * count, 32, 32), np.int8)
tokens[:, :, ::4] = stream.integers(41, 70, (2 * count, 32, 8))
scaled = stream.standard_normal((2 * count, 32, dim), np.float32)
training = Pieces(scaled[:count], tokens[:count])
score(Pieces(scaled[count:], tokens[count:]), Reference(training, tokens[:count].reshape(-1, 32), count, None))
"""


def measure(command):
    """Seconds and peak memory in MB of a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(errors[-2000:])
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


@click.command()
@click.argument("what", type=click.Choice(["sample", "score"]))
@click.argument("counts", type=int, nargs=-1, required=True)
@click.option("--preset", default="songs_small")
@click.option("--quality", default="draft")
@click.option("--bars", default=64)
def main(what, counts, preset, quality, bars):
    """Prints a row for each count."""
    print("| pieces | seconds | peak memory, MB |\n|---|---|---|")
    points = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            if what == "score":
                command = [sys.executable, "-c", SCORE, str(count), str(LATENT_DIM)]
            else:
                code = "from keras_symdiff.cli.main import main; main()"
                command = [sys.executable, "-c", code, "sample", "-n", str(count), "--preset", preset]
                command += ["--quality", quality, "--bars", str(bars), "-o", f"{folder}/pieces.npz"]
            seconds, memory = measure(command)
        points.append((count, seconds, memory))
        print(f"| {count} | {seconds:.1f} | {memory:.0f} |", flush=True)
    if len(points) > 1:
        numbers, seconds, memory = np.array(points).T
        (slope, _), (growth, _) = np.polyfit(numbers, seconds, 1), np.polyfit(numbers, memory, 1)
        print(
            f"\n{1e3 * slope:.1f} ms and {1e3 * growth:.0f} kB a piece beyond the first. Load {os.getloadavg()[0]:.1f}."
        )


if __name__ == "__main__":
    main()
