"""Tells what a training step of the paper-size denoiser under `fit` takes its time for, per backend and type.

    python benchmarks/step_parts.py [--batch 64] [--rounds 5]

- ceiling: the step's matrix products at the FLOP/s of one large product, on the same backend and in the same type;
- shapes: what the same products take beyond that at the shapes they have, one forward and two backward each, alone;
- optimizer: clipping, Adam and the moving average of the weights, alone;
- rest: what is left of the step: activations, normalisation, softmax, noise, casts, memory, and the loop around it.

Each row is a process of its own, in which whole steps, products and optimizer take turns. Medians.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import time

REPEATS = 3  # of each shape, a turn


def product_timer(shape, dtype):
    """A function that times one forward and two backward products of (matrices, rows, inner, columns)."""
    import keras
    from ceiling import compiled, timed
    from keras import ops

    n, m, k, j = shape
    x, kernel, gradient = (
        ops.cast(keras.random.normal((n, *size) if n > 1 else size, seed=0), dtype) for size in ((m, k), (k, j), (m, j))
    )

    @compiled
    def products(operands):
        x, kernel, gradient = operands
        to_kernel = ops.matmul(ops.swapaxes(x, -1, -2), gradient)
        to_x = ops.matmul(gradient, ops.swapaxes(kernel, -1, -2))
        return to_kernel, to_x, ops.matmul(x, kernel)

    return lambda: statistics.median(timed(products, (x, kernel, gradient)) for _ in range(REPEATS))


def optimizer_step(model):
    """A function that applies the compiled model's optimizer to gradients of one, compiled as `fit` compiles it."""
    import keras
    from ceiling import compiled
    from keras import ops

    optimizer, weights = model.optimizer, model.trainable_variables
    gradients = [ops.ones(weight.shape) for weight in weights]
    if keras.backend.backend() != "jax":

        @compiled
        def apply(gradients):
            optimizer.apply(gradients, weights)
            return optimizer.iterations + 0

        return lambda: apply(gradients)

    import jax

    @functools.partial(jax.jit, donate_argnums=0)  # as `fit` does
    def update(state, gradients):
        return optimizer.stateless_apply(state[1], gradients, state[0])

    state = [weight + 0 for weight in weights], [variable + 0 for variable in optimizer.variables]  # copies: donated

    def step():
        nonlocal state
        state = update(state, gradients)
        return jax.block_until_ready(state)[0]

    return step


def work(options):
    import keras
    import numpy as np
    from ceiling import forward_products, product_rate, timed, training_flops

    keras.config.set_dtype_policy(options.dtype)
    from keras_symdiff import LatentDiffusion, TransformerDenoiser

    model = LatentDiffusion(TransformerDenoiser())
    model.compile()
    model.optimizer.build(model.trainable_variables)
    kernels = forward_products(model.network, options.batch)
    dtype = options.dtype.removeprefix("mixed_")
    products = [(count, product_timer(shape, dtype)) for count, *shape in kernels]
    optimize = optimizer_step(model)
    turns, rates = [], []

    class Turns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            float(logs["loss"])  # waits for the last step
            whole = (time.perf_counter() - self.start) / options.steps
            rates.append(product_rate(dtype))
            at_shapes = sum(count * seconds() for count, seconds in products)
            turns.append([whole, at_shapes, timed(optimize)])

    latents = np.random.default_rng(0).uniform(-1.0, 1.0, (options.steps * options.batch, 32, 42)).astype("float32")
    model.fit(latents, batch_size=options.batch, epochs=1 + options.rounds, verbose=0, callbacks=[Turns()])
    del turns[0], rates[0]  # they compiled
    whole, at_shapes, optimizer = (statistics.median(column) for column in zip(*turns, strict=True))
    ceiling = training_flops(model.network, options.batch) / statistics.median(rates)
    parts = [ceiling, at_shapes - ceiling, optimizer, whole - at_shapes - optimizer]
    cells = [f"{1e3 * part:.0f} ({part / whole:.0%})" for part in parts]
    print(f"| {keras.backend.backend()} | {options.dtype} | {1e3 * whole:.0f} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64, help="pieces a batch (default %(default)s)")
    parser.add_argument("--steps", type=int, default=3, help="whole steps a turn (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="turns (default %(default)s)")
    parser.add_argument("--dtype", help=argparse.SUPPRESS)  # of a row's own process
    options = parser.parse_args()
    if options.dtype:
        return work(options)
    print(
        "| backend | dtype | ms a step | ceiling, ms | shapes | optimizer | rest |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    for backend in ("jax", "tensorflow", "torch"):
        for dtype in ("float32", "mixed_bfloat16"):
            environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run([sys.executable, *sys.argv, "--dtype", dtype], env=environment, check=True)


if __name__ == "__main__":
    main()
