"""What the machine can do at most, measured through the Keras backend, and what the networks ask of it."""

import time

import keras
from keras import ops

REPEATS = 5


def product_rate(dtype, clock=time.perf_counter):
    """FLOP/s of a large square matrix product, the best of five; `dtype` as `"float32"` or `"bfloat16"`."""
    size, chain = (8192, 10) if has_accelerator() else (1024, 2)
    matrix = ops.cast(keras.random.normal((size, size), seed=0) / size**0.5, dtype)

    def products(matrix):
        result = matrix
        for _ in range(chain):
            result = ops.matmul(result, matrix)
        return result

    return 2.0 * size**3 * chain / best_seconds(products, matrix, clock)


def read_rate(clock=time.perf_counter):
    """Bytes/s at which memory is read: the sum of 256 MB, the best of five."""
    return 4.0 * 2**26 / best_seconds(ops.sum, ops.ones((2**13, 2**13), "float32"), clock)


def best_seconds(function, argument, clock):
    function = compiled(function)
    return min(timed(function, argument, clock=clock) for _ in range(1 + REPEATS))  # the first compiles


def timed(function, *arguments, clock=time.perf_counter):
    """The seconds of a call that returns a tensor, a number or lists of them, waiting for the first of them."""
    start = clock()
    result = function(*arguments)
    while isinstance(result, (list, tuple)):
        result = result[0]
    ops.convert_to_numpy(ops.cast(ops.ravel(result)[:1], "float32"))  # waits for the device
    return clock() - start


def compiled(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function)
    return function


def has_accelerator():
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    import torch

    return torch.cuda.is_available()


def forward_products(network, batch_size, num_positions=32):
    """The matrix products of the forward pass of a `TransformerDenoiser` or `TransformerMDN`.

    Returns (how many, matrices, rows, inner, columns) of each kind, `matrices` of them multiplied at once; the backward
    pass has two for each. Raises if the sizes do not explain all kernels of the network.
    """
    e, r, d, layers = network.embed_dim, network.residual_dim, network.channels, network.num_layers
    rows = batch_size * num_positions
    outputs = network.num_mixtures * (2 * d + 1) if hasattr(network, "num_mixtures") else d
    kernels = [(1, rows, d, e), (4 * layers, rows, e, e), (layers, rows, e, network.mlp_dim)]
    kernels += [(layers, rows, network.mlp_dim, e), (1, rows, e, r), (2 * network.num_residual_blocks, rows, r, r)]
    kernels += [(1, rows, r, outputs)]
    if not hasattr(network, "num_mixtures"):
        blocks, film = network.num_residual_blocks, network.film_dim
        kernels += [(blocks, batch_size, network.noise_embed_dim, film), (blocks, batch_size, film, film)]
        kernels += [(2 * blocks, batch_size, film, r)]
    explained = sum(count * inner * columns for count, _, inner, columns in kernels)
    numbers = sum(int(ops.size(weight)) for weight in network.weights if weight.path.endswith("kernel"))
    if numbers != explained:
        raise ValueError(f"Counted {explained} numbers in kernels. Received: a network with {numbers}")
    heads, depth = network.num_heads, e // network.num_heads
    attention = [(layers, batch_size * heads, num_positions, depth, num_positions)]  # queries by keys
    attention += [(layers, batch_size * heads, num_positions, num_positions, depth)]  # weights by values
    return [(count, 1, *shape) for count, *shape in kernels] + attention


def training_flops(network, batch_size):
    """FLOPs of the matrix products of a training step; a multiplication and an addition are two."""
    return sum(3 * 2 * count * n * m * k * j for count, n, m, k, j in forward_products(network, batch_size))


def decode_step_flops(vae):
    """FLOPs of the matrix products of one step of a `MusicVAE` LSTM decoder, a phrase; twice the numbers it reads.

    The first layer's kernel is no part of it: what the latent adds is the same in every step, and a token reads a row.
    """
    cells = [lstm.cell for lstm in vae.decoder.lstms]
    kernels = [cell.recurrent_kernel for cell in cells] + [layer.kernel for layer in [*cells[1:], vae.decoder.logits]]
    return 2 * sum(int(ops.size(kernel)) for kernel in kernels)
