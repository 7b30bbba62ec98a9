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
    seconds = []
    for _ in range(1 + REPEATS):  # the first compiles
        start = clock()
        ops.convert_to_numpy(ops.cast(ops.ravel(function(argument))[:1], "float32"))  # waits for the device
        seconds.append(clock() - start)
    return min(seconds)


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


def training_flops(network, batch_size, num_positions=32):
    """FLOPs of the matrix products of a training step of a `TransformerDenoiser` or `TransformerMDN`.

    A multiplication and an addition are two; the backward pass has two products for each of the forward pass.
    Raises if the sizes do not explain all kernels of the network.
    """
    e, r, d = network.embed_dim, network.residual_dim, network.channels
    a_position = d * e + network.num_layers * (4 * e * e + 2 * e * network.mlp_dim) + e * r
    a_position += network.num_residual_blocks * 2 * r * r
    if hasattr(network, "num_mixtures"):
        a_position += r * network.num_mixtures * (2 * d + 1)
        a_piece = 0
    else:
        a_position += r * d
        film = network.noise_embed_dim * network.film_dim + network.film_dim**2 + 2 * network.film_dim * r
        a_piece = network.num_residual_blocks * film
    kernels = sum(int(ops.size(weight)) for weight in network.weights if weight.path.endswith("kernel"))
    if kernels != a_position + a_piece:
        raise ValueError(f"Counted {a_position + a_piece} numbers in kernels. Received: a network with {kernels}")
    attention = network.num_layers * 2 * num_positions * e  # a position: queries by keys, weights by values
    return 3 * 2 * batch_size * (num_positions * (a_position + attention) + a_piece)


def decode_step_flops(vae):
    """FLOPs of the matrix products of one step of a `MusicVAE` LSTM decoder, a phrase; twice the numbers it reads.

    The first layer's kernel is no part of it: what the latent adds is the same in every step, and a token reads a row.
    """
    cells = [lstm.cell for lstm in vae.decoder.lstms]
    kernels = [cell.recurrent_kernel for cell in cells] + [layer.kernel for layer in [*cells[1:], vae.decoder.logits]]
    return 2 * sum(int(ops.size(kernel)) for kernel in kernels)
