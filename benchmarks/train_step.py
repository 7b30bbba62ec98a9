"""Times a training step of the paper-size denoiser under `fit` against a hand-written JAX step.

Each row of the table is a process of its own. All processes stay alive and take turns, one round of a few steps each,
so that a busy machine slows all rows alike; compilation falls into a warm-up round. Prints a Markdown table.

    python benchmarks/train_step.py --rounds 5 --steps 5
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

ROWS = [
    ("hand-written JAX", "jax", "float32"),
    ("`fit`", "jax", "float32"),
    ("`fit`", "jax", "mixed_bfloat16"),
    ("`fit`", "tensorflow", "float32"),
    ("`fit`", "tensorflow", "mixed_bfloat16"),
    ("`fit`", "torch", "float32"),
    ("`fit`", "torch", "mixed_bfloat16"),
]
BATCH_SIZE = 64
TOLERANCE = 1e-4


def draw_latents(steps):
    import numpy as np

    return np.random.default_rng(0).uniform(-1.0, 1.0, (steps * BATCH_SIZE, 32, 42)).astype("float32")


def check_same_maths():
    """Raises unless both sides give one loss for the same weights, latents, noise levels and noise."""
    import numpy as np
    from handwritten_jax import loss_fn
    from keras import ops

    from keras_symdiff import LatentDiffusion

    model = LatentDiffusion()
    random = np.random.default_rng(1)
    x_0 = draw_latents(1)
    noise_level = random.uniform(0.08, 1.0, (BATCH_SIZE, 1)).astype("float32")
    noise = random.standard_normal(x_0.shape).astype("float32")
    ours = float(model.compute_loss(x_0, (ops.convert_to_tensor(noise_level), ops.convert_to_tensor(noise))))
    theirs = float(loss_fn({weight.path: weight.value for weight in model.denoiser.weights}, x_0, noise_level, noise))
    if abs(ours - theirs) > TOLERANCE:
        raise SystemExit(f"The two sides must compute one loss. Received: fit={ours}, hand-written={theirs}")
    return ours, theirs


def await_turn():
    """Tells the parent process that a round may start and waits for its word."""
    print("ready", flush=True)
    if not sys.stdin.readline():
        raise SystemExit


def work_by_hand(steps, rounds):
    import jax
    from handwritten_jax import initial_state, train_step

    from keras_symdiff import TransformerDenoiser

    ours, theirs = check_same_maths()
    print(f"loss of the same weights and noise: fit {ours:.6f}, hand-written {theirs:.6f}", file=sys.stderr)
    state = initial_state({weight.path: weight.value for weight in TransformerDenoiser().weights})
    batches = draw_latents(steps).reshape(steps, BATCH_SIZE, 32, 42)
    for _ in range(1 + rounds):
        await_turn()
        start = time.perf_counter()
        for batch in batches:
            state, loss = train_step(state, batch)
        jax.block_until_ready((state, loss))
        print(time.perf_counter() - start, flush=True)


def work_by_fit(steps, rounds, dtype):
    import keras

    keras.config.set_dtype_policy(dtype)
    from keras_symdiff import LatentDiffusion, TransformerDenoiser

    class Turns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            await_turn()
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            float(logs["loss"])  # waits for the last step
            print(time.perf_counter() - self.start, flush=True)

    model = LatentDiffusion(TransformerDenoiser())
    model.compile()
    model.fit(draw_latents(steps), batch_size=BATCH_SIZE, epochs=1 + rounds, verbose=0, callbacks=[Turns()])


def start_worker(row, options):
    side, backend, dtype = row
    command = [sys.executable, __file__, "--worker", side, "--dtype", dtype]
    command += ["--steps", str(options.steps), "--rounds", str(options.rounds)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def take_turn(worker):
    """Returns the seconds of one round of a worker."""
    if worker.stdout.readline().strip() != "ready":
        raise SystemExit(f"A worker ended early; its error stands above. Received: {' '.join(worker.args)}")
    worker.stdin.write("go\n")
    worker.stdin.flush()
    return float(worker.stdout.readline())


def print_table(rows, seconds, options):
    medians = [statistics.median(times) for times in seconds]
    print(
        f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()};"
    )
    print(f"batch {BATCH_SIZE}, {options.rounds} rounds of {options.steps} steps, in turns;", end=" ")
    print(f"load average at the end {os.getloadavg()[0]:.1f} (one row at a time keeps all cores busy).\n")
    print("| step | backend | dtype | s a step (median) | min .. max | against hand-written |")
    print("|---|---|---|---|---|---|")
    for (side, backend, dtype), times, median in zip(rows, seconds, medians, strict=True):
        spread = f"{min(times):.3f} .. {max(times):.3f}"
        print(f"| {side} | {backend} | {dtype} | {median:.3f} | {spread} | {median / medians[0]:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds a row (default %(default)s)")
    parser.add_argument("--steps", type=int, default=5, help="steps a round (default %(default)s)")
    parser.add_argument("--rows", type=int, default=len(ROWS), help="first rows only (default all)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == ROWS[0][0]:
        return work_by_hand(options.steps, options.rounds)
    if options.worker:
        return work_by_fit(options.steps, options.rounds, options.dtype)

    rows = ROWS[: options.rows]
    workers = [start_worker(row, options) for row in rows]
    try:
        for worker in workers:
            take_turn(worker)  # warm-up: compiles
        seconds = [[] for _ in rows]
        for _ in range(options.rounds):
            for times, worker in zip(seconds, workers, strict=True):
                times.append(take_turn(worker) / options.steps)
    finally:
        for worker in workers:
            worker.kill()
    print_table(rows, seconds, options)


if __name__ == "__main__":
    main()
