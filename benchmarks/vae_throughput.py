"""Times MusicVAE's encoder and decoder against Magenta's own graph with the same weights, in turns.

    python benchmarks/vae_throughput.py --sizes magenta small dense --backends jax torch

Magenta 2.1.4 is installed, without its dependencies, into a folder of its own (--packages) that only its process sees,
beside this environment's TensorFlow. Its random weights become a checkpoint that our processes read; encoded means must
agree within 1e-4. Dense networks have no Magenta graph; they stand alone. Prints a Markdown table.
"""

import argparse
import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MAGENTA = ["magenta==2.1.4", "tf_slim==1.1.0", "tensorflow-probability==0.25.0", "cloudpickle", "decorator"]
MARK = "benchmark: "  # of the lines that are meant for the parent process
TOLERANCE = 1e-4


def phrases_and_latents(batch, latent_dim):
    random = np.random.default_rng(0)
    return random.integers(0, 90, (batch, 32)).astype("int8"), random.standard_normal((batch, latent_dim), np.float32)


def say(*values):
    print(MARK, *values, flush=True)


def take_turns(encode, decode, rounds, results, clock):
    """Runs both once, untimed, saves what came out, then times a round whenever the parent process says so."""
    sys.stdin.readline()
    np.savez(results, mean=encode(), tokens=decode())
    say("ready")
    for _ in range(rounds):
        sys.stdin.readline()
        start = clock()
        encode()
        middle = clock()
        decode()
        say(middle - start, clock() - middle)


def work_as_magenta(size, batch, rounds, folder, clock):
    import tensorflow.compat.v1 as tf
    from magenta.models.music_vae.configs import CONFIG_MAP

    from keras_symdiff.vae.sizes import SIZES

    config, size = CONFIG_MAP["cat-mel_2bar_big"], SIZES[size]
    config.hparams.batch_size = batch
    config.hparams.z_size = size["latent_dim"]
    config.hparams.enc_rnn_size = [size["encoder_units"]]
    config.hparams.dec_rnn_size = list(size["decoder_units"])
    tf.disable_v2_behavior()
    tf.set_random_seed(0)
    # As in Magenta's `TrainedModel`.
    config.model.build(config.hparams, config.data_converter.output_depth, is_training=False)
    latents_in = tf.placeholder(tf.float32, (batch, size["latent_dim"]))
    inputs = tf.placeholder(tf.float32, (batch, 32, 90))
    sampled, _ = config.model.sample(batch, max_length=32, z=latents_in, temperature=1e-3)
    posterior = config.model.encode(inputs, tf.fill([batch], 32))
    mean, stddev = posterior.loc, posterior.scale.diag
    session = tf.Session()
    session.run(tf.global_variables_initializer())
    tf.train.Saver().save(session, str(folder / "model.ckpt"))
    tokens, latents = phrases_and_latents(batch, size["latent_dim"])
    take_turns(
        lambda: session.run([mean, stddev], {inputs: np.eye(90, dtype="float32")[tokens]})[0],
        lambda: session.run(sampled, {latents_in: latents}).argmax(-1),
        rounds,
        folder / "magenta.npz",
        clock,
    )


def work_as_ours(size, batch, rounds, folder, clock, backend):
    from ceiling import decode_step_flops, product_rate, read_rate

    from keras_symdiff import MusicVAE
    from keras_symdiff.vae.sizes import SIZES

    sys.stdin.readline()
    if SIZES[size].get("networks") == "dense":
        vae, flops = MusicVAE(**SIZES[size]), 0
    else:
        vae = MusicVAE.from_magenta_checkpoint(folder / "model.ckpt")
        flops = decode_step_flops(vae)
    say(flops, product_rate("float32", clock), read_rate(clock))
    tokens, latents = phrases_and_latents(batch, vae.latent_dim)
    take_turns(lambda: vae.encode(tokens)[0], lambda: vae.decode(latents), rounds, folder / f"{backend}.npz", clock)


class Worker:
    """A process of one side."""

    def __init__(self, name, options, size, batch, folder):
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": name}
        if name == "magenta":
            environment |= {"TF_USE_LEGACY_KERAS": "1", "PYTHONPATH": options.packages, "KERAS_BACKEND": "tensorflow"}
        command = [sys.executable, __file__, "--worker", name, "--sizes", size, "--batch", str(batch)]
        command += ["--rounds", str(options.rounds), "--folder", str(folder)]
        command += ["--processor-time"] if options.processor_time else []
        self.name, self.file = name, folder / f"{name}.npz"
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self):
        """Lets the process go on to what it says next."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.hear()

    def hear(self):
        for line in self.process.stdout:
            if line.startswith(MARK):
                return line.removeprefix(MARK).split()
        raise SystemExit(f"The process of {self.name} ended early; its error stands above")


def measure(size, batch, options):
    """Prints the rows of one size."""
    names = [] if size == "dense" else ["magenta"]
    with tempfile.TemporaryDirectory() as folder:
        folder, workers = Path(folder), []
        limits = {}
        try:
            for name in [*names, *options.backends]:
                worker = Worker(name, options, size, batch, folder)
                workers.append(worker)
                limits[name] = None if name == "magenta" else [float(value) for value in worker.ask()]
                worker.ask()
            agreement = compare(workers)
            seconds = {worker.name: [] for worker in workers}
            for _ in range(options.rounds):
                for worker in workers:
                    seconds[worker.name].append([float(value) for value in worker.ask()])
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.wait()
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in seconds.items()
    }
    product, read = (max(limit[i] for limit in limits.values() if limit) for i in (1, 2))
    flops = next(limit[0] for limit in limits.values() if limit)
    by_flops, by_bytes = 32 * batch * flops / product, 32 * 2 * flops / read  # float32: 2 bytes for each FLOP
    floor = max(by_flops, by_bytes)
    if flops:
        print(
            f"<!-- {size}: {flops / 1e6:.1f} MFLOP and {2 * flops / 1e6:.1f} MB a decoder step; "
            f"{product / 1e9:.0f} GFLOP/s, {read / 1e9:.1f} GB/s; floor of {batch} phrases {floor:.3f} s "
            f"(FLOPs {by_flops:.3f}, weights {by_bytes:.3f}) -->"
        )
    for name, (encode, decode) in medians.items():
        ratios = ["", ""]
        if "magenta" in medians and name != "magenta":
            ratios = [f"{theirs / ours:.2f}" for theirs, ours in zip(medians["magenta"], (encode, decode), strict=True)]
        above = f"{decode / floor:.1f}" if floor else ""
        cells = [size, batch, name, f"{batch / encode:.0f}", ratios[0], f"{batch / decode:.0f}", ratios[1], above]
        print("| " + " | ".join(map(str, [*cells, agreement.get(name, "")])) + " |", flush=True)


def compare(workers):
    """Raises unless the encoded means agree with Magenta's; returns the share of equal decoded tokens."""
    if workers[0].name != "magenta":
        return {}
    theirs = np.load(workers[0].file)
    agreement = {}
    for worker in workers[1:]:
        ours = np.load(worker.file)
        difference = np.abs(ours["mean"] - theirs["mean"]).max()
        if difference > TOLERANCE:
            raise SystemExit(f"Both sides must encode alike. Received: means {difference} apart with {worker.name}")
        agreement[worker.name] = f"{np.mean(ours['tokens'] == theirs['tokens']):.3f}"
    return agreement


def install(folder):
    if not (Path(folder) / "magenta").exists():
        tensorflow = ".".join(importlib.metadata.version("tensorflow").split(".")[:2])
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        command += [*MAGENTA, f"tf_keras=={tensorflow}.*"]
        subprocess.run(command, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["magenta", "small", "dense"], help="default all")
    parser.add_argument("--batch", type=int, nargs="+", default=[64], help="phrases at once (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds (default %(default)s)")
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow", "torch"], help="default all")
    packages = str(Path(tempfile.gettempdir()) / "keras_symdiff_magenta")
    parser.add_argument("--packages", default=packages, help="folder of Magenta's packages (default %(default)s)")
    parser.add_argument(
        "--processor-time", action="store_true", help="instead of the wall's: for a busy machine, pinned to one core"
    )
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        clock = time.process_time if options.processor_time else time.perf_counter
        arguments = options.sizes[0], options.batch[0], options.rounds, options.folder, clock
        return work_as_magenta(*arguments) if options.worker == "magenta" else work_as_ours(*arguments, options.worker)

    install(options.packages)
    print("| size | batch | | encode, phrases/s | x Magenta | decode, phrases/s | x Magenta | x floor | equal tokens |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in options.sizes:
        for batch in options.batch:
            measure(size, batch, options)


if __name__ == "__main__":
    main()
