"""Times a training step of the paper-size networks under `fit`, the denoiser's against a hand-written JAX step too.

Beside it stands the share of the machine's own ceiling: the FLOPs of the step's matrix products (`ceiling.py`, counted
and checked against the network's kernels) over the FLOP/s of a large product on the same backend in the same type,
measured in the same run. Each row of the table is a process of its own. All processes stay alive and take turns, one
round of a few steps each, so that a busy machine slows all rows alike; compilation falls into a warm-up round. Prints a
Markdown table.

    python benchmarks/train_step.py --rounds 5 --steps 5
    python benchmarks/train_step.py --model denoiser mdn --batch 64 128 --rounds 5 --steps 100    # on a GPU
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
TOLERANCE = 1e-4
WARM_UP = 1  # rounds that are not timed; workers begin one more at the end, and wait


def draw_latents(steps, batch_size):
    import numpy as np

    return np.random.default_rng(0).uniform(-1.0, 1.0, (steps * batch_size, 32, 42)).astype("float32")


def check_same_maths(batch_size):
    """Raises unless both sides give one loss for the same weights, latents, noise levels and noise."""
    import numpy as np
    from handwritten_jax import loss_fn
    from keras import ops

    from keras_symdiff import LatentDiffusion

    model = LatentDiffusion()
    random = np.random.default_rng(1)
    x_0 = draw_latents(1, batch_size)
    noise_level = random.uniform(0.08, 1.0, (batch_size, 1)).astype("float32")
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


def announce(network, dtype, batch_size):
    """Waits for its turn and prints the FLOPs of a step and the FLOP/s of a large product."""
    from ceiling import product_rate, training_flops

    await_turn()
    print(training_flops(network, batch_size), product_rate(dtype.removeprefix("mixed_")), flush=True)


def work_by_hand(options, batch_size):
    import jax
    from handwritten_jax import initial_state, train_step

    from keras_symdiff import TransformerDenoiser

    denoiser = TransformerDenoiser()
    announce(denoiser, "float32", batch_size)
    ours, theirs = check_same_maths(batch_size)
    print(f"loss of the same weights and noise: fit {ours:.6f}, hand-written {theirs:.6f}", file=sys.stderr)
    state = initial_state({weight.path: weight.value for weight in denoiser.weights})
    batches = draw_latents(options.steps, batch_size).reshape(options.steps, batch_size, 32, 42)
    for _ in range(options.rounds + WARM_UP + 1):
        await_turn()
        start = time.perf_counter()
        for batch in batches:
            state, loss = train_step(state, batch)
        jax.block_until_ready((state, loss))
        print(time.perf_counter() - start, flush=True)


def work_by_fit(options, model, batch_size):
    import keras

    keras.config.set_dtype_policy(options.dtype)
    from keras_symdiff import LatentDiffusion, LatentMDN, TransformerDenoiser, TransformerMDN

    class Turns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            await_turn()
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            float(logs["loss"])  # waits for the last step
            print(time.perf_counter() - self.start, flush=True)

    model = LatentDiffusion(TransformerDenoiser()) if model == "denoiser" else LatentMDN(TransformerMDN())
    announce(model.network, options.dtype, batch_size)
    model.compile(steps_per_execution=options.steps_per_execution if keras.backend.backend() != "torch" else 1)
    latents = draw_latents(options.steps, batch_size)
    model.fit(latents, batch_size=batch_size, epochs=options.rounds + WARM_UP + 1, verbose=0, callbacks=[Turns()])


def start_worker(row, options, model, batch_size):
    side, backend, dtype = row
    command = [sys.executable, __file__, "--worker", side, "--dtype", dtype, "--model", model]
    command += ["--batch", str(batch_size), "--steps", str(options.steps), "--rounds", str(options.rounds)]
    command += ["--steps-per-execution", str(options.steps_per_execution)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def await_ready(worker):
    if worker.stdout.readline().strip() != "ready":
        raise SystemExit(f"A worker ended early; its error stands above. Received: {' '.join(worker.args)}")


def take_turn(worker):
    """Returns the numbers that a worker prints at the end of its turn: seconds, or what `announce` prints.

    It is ready for the next turn then, and no worker computes between turns.
    """
    worker.stdin.write("go\n")
    worker.stdin.flush()
    numbers = [float(number) for number in worker.stdout.readline().split()]
    await_ready(worker)
    return numbers


def print_table(rows, seconds, ceilings, options, model, batch_size):
    medians = [statistics.median(times) for times in seconds]
    print(
        f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()};"
    )
    print(f"{model}, batch {batch_size}, {options.rounds} rounds of {options.steps} steps, in turns;", end=" ")
    print(f"{ceilings[0][0] / 1e9:.0f} GFLOP a step; {options.steps_per_execution} steps an execution;", end=" ")
    print(f"load average at the end {os.getloadavg()[0]:.1f} (one row at a time keeps all cores busy).\n")
    print(
        "| step | backend | dtype | s a step (median) | min .. max | ceiling, GFLOP/s | share of it | against first |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row, times, median, (flops, rate) in zip(rows, seconds, medians, ceilings, strict=True):
        side, backend, dtype = row
        share = f"{rate / 1e9:.0f} | {100 * flops / median / rate:.0f} %"
        spread = f"{min(times):.4f} .. {max(times):.4f}"
        print(f"| {side} | {backend} | {dtype} | {median:.4f} | {spread} | {share} | {median / medians[0]:.2f} |")


def measure(options, model, batch_size):
    rows = [row for row in ROWS if row[1] in options.backends]
    if model != "denoiser":
        rows = [row for row in rows if row[0] != ROWS[0][0]]
    rows = rows[: options.rows]
    workers = [start_worker(row, options, model, batch_size) for row in rows]
    try:
        for worker in workers:
            await_ready(worker)
        ceilings, _, *rounds = ([take_turn(worker) for worker in workers] for _ in range(1 + WARM_UP + options.rounds))
    finally:
        for worker in workers:
            worker.kill()
    seconds = [[total / options.steps for (total,) in times] for times in zip(*rounds, strict=True)]
    print_table(rows, seconds, ceilings, options, model, batch_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", nargs="+", choices=("denoiser", "mdn"), default=["denoiser"], help="default denoiser"
    )
    parser.add_argument("--batch", type=int, nargs="+", default=[64], help="pieces a batch (default %(default)s)")
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow", "torch"], help="default all")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds a row (default %(default)s)")
    parser.add_argument("--steps", type=int, default=5, help="steps a round (default %(default)s)")
    parser.add_argument("--steps-per-execution", type=int, default=1, help="but 1 on torch (default %(default)s)")
    parser.add_argument("--rows", type=int, default=len(ROWS), help="first rows only (default all)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker == ROWS[0][0]:
        return work_by_hand(options, options.batch[0])
    if options.worker:
        return work_by_fit(options, options.model[0], options.batch[0])
    for model in options.model:
        for batch_size in options.batch:
            measure(options, model, batch_size)


if __name__ == "__main__":
    main()
