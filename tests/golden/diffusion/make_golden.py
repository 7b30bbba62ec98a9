"""Writes `short_run.npz`: Algorithms 3 and 1 in float64 NumPy, apart from the package."""

import pathlib

import numpy as np

SEED, SAMPLES, STEPS, LENGTH, CHANNELS, HIDDEN = 7, 3, 20, 6, 4, 16

random = np.random.RandomState(0)
w1 = random.standard_normal((CHANNELS + 1, HIDDEN)) * 0.5
b1 = random.standard_normal(HIDDEN) * 0.5
w2 = random.standard_normal((HIDDEN, CHANNELS)) * 0.2
b2 = random.standard_normal(CHANNELS) * 0.2
latents = random.uniform(-1, 1, (SAMPLES, LENGTH, CHANNELS)).astype(np.float32)
keep_mask = np.array([[1, 1, 0, 0, 1, 1], [1, 0, 0, 0, 0, 0], [0, 1, 0, 1, 0, 1]], dtype=bool)

beta = np.linspace(1e-3, 0.3, STEPS)  # beta[t - 1] is the paper's beta_t
alpha = 1 - beta
alpha_bar = np.cumprod(alpha)


def denoise(x, level):
    hidden = np.tanh(np.concatenate([x, np.full((LENGTH, 1), level)], axis=-1) @ w1 + b1)
    return (hidden + hidden.mean(axis=0)) @ w2 + b2


def stream(sample, purpose):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(SEED, spawn_key=(sample, purpose))))


def generate(sample, given=None, mask=None):
    reverse, forward = stream(sample, 0), stream(sample, 1)
    x = reverse.standard_normal((LENGTH, CHANNELS), dtype=np.float32).astype(np.float64)
    for t in range(STEPS, 0, -1):
        noise = reverse.standard_normal((LENGTH, CHANNELS), dtype=np.float32)
        given_noise = forward.standard_normal((LENGTH, CHANNELS), dtype=np.float32)
        previous = alpha_bar[t - 2] if t > 1 else 1.0
        sigma = np.sqrt((1 - previous) / (1 - alpha_bar[t - 1]) * beta[t - 1])
        epsilon = denoise(x, np.sqrt(alpha_bar[t - 1]))
        x = (x - (1 - alpha[t - 1]) / np.sqrt(1 - alpha_bar[t - 1]) * epsilon) / np.sqrt(alpha[t - 1]) + sigma * noise
        if given is not None:
            y = np.sqrt(previous) * given + np.sqrt(1 - previous) * given_noise
            x = np.where(mask[:, None], y, x)
    return x


np.savez(
    pathlib.Path(__file__).with_name("short_run.npz"),
    **{name: value.astype(np.float32) for name, value in (("w1", w1), ("b1", b1), ("w2", w2), ("b2", b2))},
    latents=latents,
    keep_mask=keep_mask,
    sampled=np.stack([generate(i) for i in range(SAMPLES)]),
    infilled=np.stack([generate(i, latents[i], keep_mask[i]) for i in range(SAMPLES)]),
)
