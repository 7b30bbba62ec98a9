"""Scores real music against real music, as a check for other implementations, and times the scoring of 1000 pieces.

    python benchmarks/evaluation.py lmd64/train_melody lmd64/validation_melody

Prints two tables in Markdown.
"""

import sys
import time

import numpy as np

from keras_symdiff import framewise_self_similarity
from keras_symdiff.evaluation.generators import keep_mask
from keras_symdiff.evaluation.real_pieces import Pieces
from keras_symdiff.evaluation.score import Reference, score
from keras_symdiff.metrics.framewise_self_similarity import overlap_moments, relative_similarity
from keras_symdiff.metrics.intervals import interval, resampled_counts
from keras_symdiff.music.corpus import read_corpus

PIECES = 1000
CHANNELS = 42  # the paper's


def all_pieces(folder):
    """All windows of 32 phrases without a rest, (P, 32, 32), and all phrases."""
    corpus = read_corpus(folder)
    return corpus.tokens[corpus.windows()[:, None] + np.arange(32)], corpus.tokens


def compare(train, test):
    """Prints moments of both sets and their relative similarity."""
    print(
        "| variant | aggregation | quantity | train mean | variance | test mean | variance | consistency | variance |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for variant in ("exact", "paper"):
        own, other = framewise_self_similarity(test, variant), framewise_self_similarity(train, variant)
        for aggregation in ("pairs", "pieces"):
            for quantity in ("pitch", "duration"):
                a, b = getattr(own, quantity), getattr(other, quantity)
                moments = [overlap_moments(x, aggregation=aggregation) for x in (b, a)]
                values = relative_similarity(moments[1], moments[0])
                resampled = [
                    overlap_moments(x, resampled_counts(len(x), seed=seed), aggregation) for x, seed in ((b, 1), (a, 2))
                ]
                ends = [interval(x) for x in relative_similarity(resampled[1], resampled[0])]
                cells = [f"{x:.6f}" for pair in moments for x in pair]
                cells += [f"{v:.4f} [{low:.3f}, {high:.3f}]" for v, (low, high) in zip(values, ends, strict=True)]
                print("| " + " | ".join([variant, aggregation, quantity, *cells]) + " |")


def time_scoring(train, phrases):
    """Prints how long all figures of 1000 pieces take."""
    stream = np.random.default_rng(0)
    tokens = train[np.arange(PIECES) % len(train)]
    pieces = Pieces(stream.standard_normal((PIECES, 32, CHANNELS)), tokens)
    start = time.perf_counter()
    reference = Reference(pieces, phrases, num_latent_pieces=PIECES)
    prepared = time.perf_counter()
    score(Pieces(pieces.scaled, tokens[::-1]), reference, keep_mask(32))
    print("\n| what | s |")
    print("|---|---|")
    print(f"| reference of {PIECES} pieces and {len(phrases)} training phrases | {prepared - start:.2f} |")
    print(f"| all figures of {PIECES} infilled pieces, with their intervals | {time.perf_counter() - prepared:.2f} |")


if __name__ == "__main__":
    train, phrases = all_pieces(sys.argv[1])
    test, _ = all_pieces(sys.argv[2])
    print(f"train: {len(train)} pieces, test: {len(test)} pieces\n")
    compare(train, test)
    time_scoring(train, phrases)
