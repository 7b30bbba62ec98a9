"""Times a training step of Keras's LSTM against ours on PyTorch's CPU, in turns.

python benchmarks/lstm.py
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import statistics
import time

import keras
import torch

from keras_symdiff.vae.lstm import LSTM

BATCH, STEPS, INPUTS, UNITS, ROUNDS = 256, 32, 154, 512, 9  # the small preset's decoder


def step(layer, x):
    start = time.perf_counter()
    layer(x).float().square().mean().backward()
    return time.perf_counter() - start


print("| dtype | Keras, s a step (median) | ours | ratio |")
print("|---|---|---|---|")
for dtype in ("float32", "mixed_bfloat16"):
    x = torch.randn(BATCH, STEPS, INPUTS)
    layers = [
        keras.layers.LSTM(UNITS, return_sequences=True, dtype=dtype),
        LSTM(UNITS, return_sequences=True, dtype=dtype),
    ]
    times = [[step(layer, x) for layer in layers] for _ in range(1 + ROUNDS)][1:]
    theirs, ours = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"| {dtype} | {theirs:.3f} | {ours:.3f} | {theirs / ours:.1f} |")
