"""Prints how well a trained MusicVAE reconstructs the phrases of held-out melodies.

python benchmarks/reconstruction.py RUN DIR
"""

import argparse
import time

from keras_symdiff import MusicVAE
from keras_symdiff.music.corpus import read_corpus
from keras_symdiff.vae.reconstruction import reconstruction_metrics

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("run", help="preset or run directory")
parser.add_argument("midi", help="folder of melodies that were not trained on")
arguments = parser.parse_args()

vae = MusicVAE.from_preset(arguments.run)
corpus = read_corpus(arguments.midi)
tokens, inverse = corpus.distinct()
start = time.perf_counter()
mean, stddev = vae.encode(tokens)
encoded = time.perf_counter()
decoded = vae.decode(mean)
done = time.perf_counter()
print("| phrases | token accuracy | onset accuracy | exact phrases |")
print("|---|---|---|---|")
for name, rows in (("distinct", slice(None)), ("as they occur", inverse)):
    metrics = reconstruction_metrics(tokens[rows], decoded[rows])
    print(f"| {len(tokens[rows])} {name} | " + " | ".join(f"{value:.4f}" for value in metrics.values()) + " |")
print(
    f"\nencoded {len(tokens) / (encoded - start):.0f} phrases/s, decoded {len(tokens) / (done - encoded):.0f} phrases/s"
)
print(
    f"dimensions with a mean posterior stddev below 1.0: {int((stddev.mean(axis=0) < 1.0).sum())} of {vae.latent_dim}"
)
