"""The paper's denoiser and its training step in plain JAX: what `fit` is measured against.

The same maths as `TransformerDenoiser` and `LatentDiffusion` with nothing of Keras in it: Algorithm 2 with a continuous
noise level, Adam, clipping by the global norm and an exponential moving average of the weights, all in one jitted step
with donated buffers. Parameters are a flat dict under the names that the Keras weights have.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

NUM_LAYERS, NUM_BLOCKS, NOISE_DIM = 6, 2, 128
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7
CLIP_NORM, EMA_MOMENTUM = 1.0, 0.999


def sinusoids(values, dim):
    frequencies = np.geomspace(1.0, 1e-4, dim // 2).astype("float32")
    angles = values * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


def dense(params, name, x):
    rows = x.reshape(-1, x.shape[-1]) @ params[f"{name}/kernel"]  # of one matrix, as in `layers/dense.py`
    return rows.reshape(*x.shape[:-1], -1) + params[f"{name}/bias"]


def layer_norm(params, name, x):
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-6) * params[f"{name}/gamma"] + params[f"{name}/beta"]


def attention(params, name, x):
    def project(part):
        kernel, bias = params[f"{name}/{part}/kernel"], params[f"{name}/{part}/bias"]
        return jnp.einsum("bld,dnh->blnh", x, kernel) + bias  # (B, L, N, H)

    query, key, value = project("query"), project("key"), project("value")
    weights = jax.nn.softmax(jnp.einsum("bqnh,bknh->bnqk", query / query.shape[-1] ** 0.5, key))  # (B, N, L, L)
    x = jnp.einsum("bnqk,bknh->bqnh", weights, value)  # (B, L, N, H)
    output = f"{name}/attention_output"
    return jnp.einsum("blnh,nhd->bld", x, params[f"{output}/kernel"]) + params[f"{output}/bias"]  # (B, L, D)


def denoise(params, x, noise_level):
    """Predicts the noise in x (B, L, D) of noise_level (B, 1)."""
    x = dense(params, "input_dense", x)
    x = x + sinusoids(jnp.arange(x.shape[1], dtype="float32")[:, None], x.shape[2])
    for i in range(NUM_LAYERS):
        block = f"transformer_block_{i}"
        x = x + attention(params, f"{block}/attention", layer_norm(params, f"{block}/attention_norm", x))
        hidden = dense(params, f"{block}/mlp_hidden", layer_norm(params, f"{block}/mlp_norm", x))
        x = x + dense(params, f"{block}/mlp_output", jax.nn.gelu(hidden, approximate=True))
    x = dense(params, "residual_dense", layer_norm(params, "transformer_norm", x))
    encoding = sinusoids(5000.0 * noise_level, NOISE_DIM)  # (B, 128)
    for i in range(NUM_BLOCKS):
        hidden = jax.nn.silu(dense(params, f"film_{i}/hidden_dense_1", encoding))
        hidden = dense(params, f"film_{i}/hidden_dense_2", hidden)
        scale = dense(params, f"film_{i}/scale_dense", hidden)[:, None]  # (B, 1, 2048)
        shift = dense(params, f"film_{i}/shift_dense", hidden)[:, None]  # (B, 1, 2048)
        y = x
        for j in (1, 2):
            y = scale * layer_norm(params, f"residual_block_{i}/norm_{j}", y) + shift
            y = dense(params, f"residual_block_{i}/dense_{j}", jax.nn.silu(y))
        x = x + y
    return dense(params, "output_dense", layer_norm(params, "output_norm", x))


def loss_fn(params, x_0, noise_level, noise):
    """Mean squared error of the predicted noise; noise_level (B, 1) is sqrt(alpha_bar)."""
    level = noise_level[:, None]  # (B, 1, 1)
    x_t = level * x_0 + jnp.sqrt((1.0 - level) * (1.0 + level)) * noise
    return jnp.square(denoise(params, x_t, noise_level) - noise).mean()


def draw_noise(key, x_0):
    """Returns noise levels (B, 1), continuous as in Algorithm 2, and noise (B, L, D)."""
    alpha_bar = np.cumprod(1.0 - np.concatenate([[0.0], np.linspace(1e-6, 0.01, 1000)]))
    levels = jnp.asarray(np.sqrt(alpha_bar), "float32")
    level_key, noise_key = jax.random.split(key)
    position = jax.random.uniform(level_key, (len(x_0), 1)) * 1000
    step = jnp.minimum(jnp.floor(position), 999).astype("int32")
    noise_level = levels[step] + (position - step) * (levels[step + 1] - levels[step])
    return noise_level, jax.random.normal(noise_key, x_0.shape)


def initial_state(params, seed=0):
    # Copies: the step donates its state, so no two entries may share a buffer.
    params = {name: jnp.array(value) for name, value in params.items()}
    return {
        "params": params,
        "ema": {name: jnp.array(value) for name, value in params.items()},
        "first_moment": {name: jnp.zeros_like(value) for name, value in params.items()},
        "second_moment": {name: jnp.zeros_like(value) for name, value in params.items()},
        "step": jnp.zeros((), "int32"),
        "key": jax.random.key(seed),
    }


@functools.partial(jax.jit, donate_argnums=0)
def train_step(state, x_0):
    """Returns the state after one step on latents x_0 (B, L, D), and the loss."""
    key, draw_key = jax.random.split(state["key"])
    loss, gradients = jax.value_and_grad(loss_fn)(state["params"], x_0, *draw_noise(draw_key, x_0))
    norm = jnp.sqrt(sum(jnp.square(gradient).sum() for gradient in gradients.values()))
    gradients = jax.tree.map(lambda gradient: gradient * jnp.minimum(1.0, CLIP_NORM / norm), gradients)

    step = state["step"] + 1
    rate = LEARNING_RATE * jnp.sqrt(1.0 - BETA_2**step) / (1.0 - BETA_1**step)
    first = jax.tree.map(lambda m, g: m + (1.0 - BETA_1) * (g - m), state["first_moment"], gradients)
    second = jax.tree.map(lambda v, g: v + (1.0 - BETA_2) * (g * g - v), state["second_moment"], gradients)
    params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + EPSILON), state["params"], first, second)
    ema = jax.tree.map(lambda e, p: EMA_MOMENTUM * e + (1.0 - EMA_MOMENTUM) * p, state["ema"], params)
    state = {"params": params, "ema": ema, "first_moment": first, "second_moment": second, "step": step, "key": key}
    return state, loss
