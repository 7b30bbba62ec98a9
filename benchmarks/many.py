"""Peak memory and seconds of many pieces, each row a process of its own; prints the tables for README.md.

python benchmarks/many.py sample 64 128 256 [--quality draft]             `symdiff sample -n N -o FILE.npz`
python benchmarks/many.py score 1000 2000 4000                        what `evaluate` computes of one generator's pieces
python benchmarks/many.py evaluate 100 1000 10000                     `symdiff evaluate --steps 1` of tiny models
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

SYMDIFF = "from keras_symdiff.cli.main import main; main()"
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


def write_material(folder, count):
    """Writes into a folder tiny models with the paper's 42 latents a phrase, and twice so many random melodies."""
    from pathlib import Path

    import keras_symdiff
    from keras_symdiff.latents.latent_corpus import LatentCorpus
    from keras_symdiff.music.corpus import Corpus

    folder = Path(folder)
    sizes = {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "mlp_dim": 8, "num_residual_blocks": 1, "residual_dim": 8}
    vae = keras_symdiff.MusicVAE(latent_dim=LATENT_DIM, encoder_units=8, decoder_units=(8,))
    denoiser = keras_symdiff.TransformerDenoiser(channels=LATENT_DIM, noise_embed_dim=8, film_dim=8, **sizes)
    mdn = keras_symdiff.TransformerMDN(channels=LATENT_DIM, num_mixtures=2, **sizes)
    for model in (vae, keras_symdiff.LatentDiffusion(denoiser), keras_symdiff.LatentMDN(mdn)):
        model.save_preset(folder)
    bound = np.full(LATENT_DIM, 2.0)
    transform = keras_symdiff.LatentTransform(np.arange(LATENT_DIM), -bound, bound, latent_dim=LATENT_DIM)
    transform.save(folder / "latent_transform.json")
    for seed, name in enumerate(("data", "train")):
        stream = np.random.default_rng(seed)
        tokens = np.zeros((count * 32, 32), np.int8)
        tokens[:, ::4] = stream.integers(41, 70, (len(tokens), 8))
        corpus = Corpus(
            tokens, np.zeros(len(tokens), bool), np.arange(count + 1) * 32, [f"{i}#" for i in range(count)], count, []
        )
        mean = stream.standard_normal((len(tokens), LATENT_DIM), np.float32)
        latents = LatentCorpus(corpus, mean, np.full_like(mean, 0.5), np.arange(len(tokens)), vae.fingerprint())
        latents.save(folder / f"{name}.npz")


def measure(command):
    """Seconds, processor seconds and peak memory in MB of a process."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(errors[-2000:])
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@click.command()
@click.argument("what", type=click.Choice(["sample", "score", "evaluate"]))
@click.argument("counts", type=int, nargs=-1, required=True)
@click.option("--preset", default="songs_small")
@click.option("--quality", default="draft")
@click.option("--bars", default=64)
def main(what, counts, preset, quality, bars):
    """Prints a row for each count."""
    print("| pieces | seconds | of a processor | peak memory, MB |\n|---|---|---|---|")
    points = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            if what == "score":
                command = [sys.executable, "-c", SCORE, str(count), str(LATENT_DIM)]
            elif what == "evaluate":
                write_material(folder, count)
                command = [sys.executable, "-c", SYMDIFF, "evaluate", "-n", str(count), "--steps", "1"]
                command += ["--run", folder, "--baseline", folder, "-o", f"{folder}/report"]
                command += ["--data", f"{folder}/data.npz", "--train", f"{folder}/train.npz"]
            else:
                command = [sys.executable, "-c", SYMDIFF, "sample", "-n", str(count), "--preset", preset]
                command += ["--quality", quality, "--bars", str(bars), "-o", f"{folder}/pieces.npz"]
            seconds, busy, memory = measure(command)
        points.append((count, busy, memory))
        print(f"| {count} | {seconds:.1f} | {busy:.1f} | {memory:.0f} |", flush=True)
    if len(points) > 1:
        numbers, busy, memory = np.array(points).T
        (slope, _), (growth, _) = np.polyfit(numbers, busy, 1), np.polyfit(numbers, memory, 1)
        print(f"\n{1e3 * slope:.1f} ms of a processor and {1e3 * growth:.0f} kB a piece beyond the first.")
        print(f"Load {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
