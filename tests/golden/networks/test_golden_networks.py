"""Every network agrees with the released Flax one. How the numbers were made: README.md beside this file."""

import pathlib

import numpy as np
import pytest
from keras import ops

from keras_symdiff import (
    FiLM,
    FiLMResidualBlock,
    NoiseLevelEncoding,
    SinusoidalPositionEncoding,
    TransformerDenoiser,
    TransformerMDN,
)

TINY = {"num_layers": 2, "num_heads": 8, "mlp_dim": 96, "num_residual_blocks": 2, "residual_dim": 96}


def load(name):
    """Returns the arrays of a golden file and its parameters, drawn again in their order."""
    golden = np.load(pathlib.Path(__file__).parent / f"{name}.npz")
    # The generator the numbers were made with.
    random = np.random.RandomState(golden["seed"])
    parameters = []
    for parameter, shape in zip(golden["parameter_names"], golden["parameter_shapes"], strict=True):
        shape = [int(size) for size in shape.split(",")]
        draw = random.standard_normal(shape)
        layer, kind = parameter.split("/")[-2:]
        if kind == "kernel":
            draw /= np.sqrt(128 if layer in ("query", "key", "value", "out") else shape[0])
        else:
            draw = (kind == "scale") + 0.1 * draw
        parameters.append(draw.astype("float32"))
    return golden, parameters


def assert_close(actual, expected):
    actual = ops.convert_to_numpy(actual)
    np.testing.assert_allclose(actual.reshape(expected.shape), expected, rtol=0, atol=2e-4)


def test_noise_encoding():
    golden, _ = load("noise_encoding")
    assert_close(NoiseLevelEncoding()(golden["input_noise_level"]), golden["output_0"])


def test_position_encoding():
    golden, _ = load("position_encoding")
    encoding = ops.convert_to_numpy(SinusoidalPositionEncoding()(np.full((2, 32, 128), 7.0, "float32")))
    assert_close(encoding[0], golden["output_0"])
    assert_close(encoding[1], golden["output_0"])


def test_film():
    golden, parameters = load("film")
    film = FiLM(96)
    film.build((None, 128))
    film.set_weights(parameters)
    scale, shift = film(NoiseLevelEncoding()(golden["input_noise_level"]))
    assert_close(scale, golden["output_0"])
    assert_close(shift, golden["output_1"])


def test_film_residual_block():
    golden, parameters = load("film_residual_block")
    block = FiLMResidualBlock()
    block.build((None, None, 96))
    block.set_weights(parameters)
    outputs = block(golden["input_inputs"], golden["input_scale"], golden["input_shift"])
    assert_close(outputs, golden["output_0"])


def test_denoiser():
    golden, parameters = load("denoiser_tiny")
    denoiser = TransformerDenoiser(**TINY)
    denoiser.set_weights(parameters)
    assert_close(denoiser([golden["input_x_t"], golden["input_noise_level"][:, :, 0]]), golden["output_0"])


@pytest.mark.parametrize("num_positions", [32, None])
def test_mdn(num_positions):
    golden, parameters = load("mdn_tiny")
    mdn = TransformerMDN(num_positions=num_positions, num_mixtures=7, **TINY)
    mdn.set_weights(parameters)
    means, log_scales, logits = mdn(golden["input_z"])
    assert means.shape == log_scales.shape == (3, 32, 7, 42)
    assert_close(logits, golden["output_0"])
    assert_close(means, golden["output_1"])
    assert_close(log_scales, golden["output_2"])
