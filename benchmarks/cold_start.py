"""Times commands from a cold process, with nothing in JAX's compilation cache and with everything.

    python benchmarks/cold_start.py [--before CHECKOUT] [--rounds 5] [--backends jax tensorflow torch]

`--before` is a checkout of an older revision to compare with, run in turns with this one (A B A B ...). Prints a
Markdown table of medians in seconds, and the load of the machine beside it.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
TUNE = HERE / "examples" / "tune.mid"
COMMANDS = {
    "sample -n 1": ["sample", "-n", "1"],
    "infill": ["infill", str(TUNE), "--bars", "17-20"],
}
CACHES = {"jax": ("empty", "full"), "tensorflow": ("none",), "torch": ("none",)}
# An editable installation would always run the checkout it was made from.
RUN = """
import importlib, sys, types
sys.path.insert(0, {root!r})
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import keras_symdiff
cli = types.ModuleType("keras_symdiff.cli")
cli.__path__ = [{root!r} + "/cli"]
sys.modules["keras_symdiff.cli"] = cli
from keras_symdiff.cli.main import main
sys.argv[:] = ["symdiff", *{arguments!r}]
main()
"""


def seconds(root, backend, arguments, cache):
    with tempfile.TemporaryDirectory() as output:
        code = RUN.format(root=str(root), arguments=[*arguments, "-o", output])
        environment = os.environ | {"KERAS_BACKEND": backend, "KERAS_SYMDIFF_CACHE": str(cache)}
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
        return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backends", nargs="+", default=list(CACHES), choices=list(CACHES))
    options = parser.parse_args()
    roots = {"before": options.before, "now": HERE} if options.before else {"now": HERE}
    load = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for backend in options.backends:
            for name, arguments in COMMANDS.items():
                for state in CACHES[backend]:
                    times = {key: [] for key in roots}
                    for _ in range(options.rounds):
                        for key, root in roots.items():
                            if state == "empty":
                                shutil.rmtree(Path(cache) / key, ignore_errors=True)
                            times[key].append(seconds(root, backend, arguments, Path(cache) / key))
                    medians = [f"{statistics.median(times[key]):.1f}" for key in roots]
                    rows.append(f"| {backend} | `symdiff {name}` | {state} | {' | '.join(medians)} |")
                    print(rows[-1], file=sys.stderr)
    print(f"Medians of {options.rounds} runs, seconds; {os.cpu_count()} cores, load {load:.1f} at the beginning.\n")
    print(f"| backend | command | cache | {' | '.join(roots)} |\n|{'---|' * (3 + len(roots))}")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
