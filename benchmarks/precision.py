"""Compares what bfloat16 and float32 sample from the same weights and noise, in the paper's 1000 steps.

    python benchmarks/precision.py lakh_small --train lmd64/train_melody [-n 128]

Prints both sets' figures against training music, with 95 % intervals, and how many decoded tokens are equal. Both are
decoded in float32. For loss curves train twice, `symdiff train ... --precision float32` and `mixed_bfloat16`, and
compare the two metrics.csv.
"""

import argparse
import time

import keras

from keras_symdiff import LatentDiffusion, LatentTransform, MusicVAE, sample
from keras_symdiff.diffusion.sampler import Sampler
from keras_symdiff.evaluation.real_pieces import Pieces, real_pieces
from keras_symdiff.evaluation.score import Reference, score
from keras_symdiff.latents.latent_corpus import LatentCorpus
from keras_symdiff.music.corpus import read_corpus


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="preset or run directory")
    parser.add_argument("--train", required=True, nargs="+", help="the melodies that were trained on")
    parser.add_argument("-n", "--pieces", type=int, default=128, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    vae, transform = MusicVAE.from_preset(options.run), LatentTransform.from_preset(options.run)
    train = LatentCorpus.encode(vae, read_corpus(options.train))
    reference = Reference(real_pieces(train, transform, 1000, options.seed), train.corpus.tokens, options.pieces)
    names = ["pitch C", "pitch Var", "duration C", "duration Var", "Frechet distance"]
    print("| precision | " + " | ".join([*names, "s a piece"]) + " |\n" + "|---" * 7 + "|", flush=True)
    lines = []
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        model = LatentDiffusion.from_preset(options.run)
        start = time.perf_counter()
        scaled = sample(model, options.pieces, options.seed, sampler=Sampler("ancestral", 1000))  # (N, 32, D)
        seconds = (time.perf_counter() - start) / options.pieces
        tokens = vae.decode(transform.inverse(scaled).reshape(-1, vae.latent_dim)).reshape(*scaled.shape[:2], -1)
        scores = score(Pieces(scaled, tokens), reference)
        figures = [scores["exact"][feature][kind] for feature in ("pitch", "duration")
                   for kind in ("consistency", "variance")]  # fmt: skip
        figures.append(scores["latent"]["frechet_distance"])
        cells = ["{value:.3f} [{low:.3f}, {high:.3f}]".format(**figure) for figure in figures]
        print(f"| {policy} | " + " | ".join([*cells, f"{seconds:.3f}"]) + " |", flush=True)
        lines.append(tokens)
    print(f"\n{(lines[0] == lines[1]).mean():.1%} of the tokens are equal ({keras.backend.backend()}).")


if __name__ == "__main__":
    main()
