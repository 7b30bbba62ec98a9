"""Reads MusicVAE checkpoints of Magenta; the one file that knows its variable names."""

import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_symdiff.files.unpack_archive import unpack_archive

_ENCODER = "encoder/cell_0/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell"
_DECODER = "decoder/multi_rnn_cell/cell_{}/lstm_cell"


def read_magenta_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the variables of a MusicVAE checkpoint with TensorFlow's own reader; Magenta is not needed.

    Args:
        path: a TF1 checkpoint prefix (`.../model.ckpt`), its `.index` file, or a `.tar` (`.tar.gz`) that holds one.

    Returns:
        dict of variable name to float32 array.

    Raises:
        ImportError: without TensorFlow.
        ValueError: when there is no readable checkpoint.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            "Reading a TF1 checkpoint needs TensorFlow, once: pip install 'keras_symdiff[tensorflow]'"
        ) from error
    path = Path(path)
    if path.is_file() and tarfile.is_tarfile(path):
        with tempfile.TemporaryDirectory() as folder:
            try:
                unpack_archive(path, folder, lambda name: True)
            except ValueError as error:
                raise ValueError(f"Damaged archive {path}: {error}") from error
            prefixes = sorted(Path(folder).rglob("*.index"))
            if len(prefixes) != 1:
                raise ValueError(f"A checkpoint archive holds one checkpoint. Received: {path} with {len(prefixes)}")
            return read_magenta_checkpoint(prefixes[0])
    prefix = str(path).removesuffix(".index")
    if not Path(prefix + ".index").exists():
        raise ValueError(f"Not a TF1 checkpoint prefix (no {prefix}.index). Received: path={path}")
    try:
        reader = tf.train.load_checkpoint(prefix)
        return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    except (tf.errors.OpError, ValueError) as error:
        raise ValueError(f"Damaged checkpoint {prefix}: {str(error).splitlines()[0]}") from error


def music_vae_sizes(variables: dict[str, np.ndarray]) -> dict[str, Any]:
    """The arguments of `MusicVAE` that fit a checkpoint's variables."""
    encoder = _variable(variables, _ENCODER.format("fw") + "/kernel")
    decoder_units = [_variable(variables, _DECODER.format(0) + "/kernel").shape[1] // 4]
    while _DECODER.format(len(decoder_units)) + "/kernel" in variables:
        kernel = _variable(variables, _DECODER.format(len(decoder_units)) + "/kernel")
        decoder_units.append(kernel.shape[1] // 4)
    return {
        "latent_dim": _variable(variables, "encoder/mu/kernel").shape[1],
        "encoder_units": encoder.shape[1] // 4,
        "decoder_units": tuple(decoder_units),
    }


def assign_magenta_variables(vae: Any, variables: dict[str, np.ndarray]) -> None:
    """Copies a checkpoint's variables into a `MusicVAE` of its sizes.

    TensorFlow 1 orders the gates of an LSTM i, j, f, o (Keras: i, f, j, o), holds kernel and recurrent kernel in one
    matrix, and adds a forget bias of 1 that is not stored.

    Raises:
        ValueError: when a variable is missing or has another shape; the message has both shapes.
    """
    lstms = {
        _ENCODER.format("fw"): vae.encoder.get_layer("forward_lstm"),
        _ENCODER.format("bw"): vae.encoder.get_layer("backward_lstm"),
    }
    lstms |= {_DECODER.format(i): lstm for i, lstm in enumerate(vae.decoder.lstms)}
    for name, lstm in lstms.items():
        inputs, units = lstm.cell.kernel.shape[0], lstm.units
        kernel = _variable(variables, f"{name}/kernel", (inputs + units, 4 * units))
        bias = _variable(variables, f"{name}/bias", (4 * units,))
        i, j, f, o = np.split(kernel, 4, axis=1)
        kernel = np.concatenate([i, f, j, o], axis=1)
        i, j, f, o = np.split(bias, 4)
        lstm.set_weights([kernel[:inputs], kernel[inputs:], np.concatenate([i, f + 1.0, j, o])])
    denses = {
        "encoder/mu": vae.encoder.get_layer("mean"),
        "encoder/sigma": vae.encoder.get_layer("stddev"),
        "decoder/z_to_initial_state": vae.decoder.initial_state,
        "decoder/output_projection": vae.decoder.logits,
    }
    for name, dense in denses.items():
        dense.set_weights(
            [
                _variable(variables, f"{name}/kernel", tuple(dense.kernel.shape)),
                _variable(variables, f"{name}/bias", tuple(dense.bias.shape)),
            ]
        )


def _variable(variables, name, shape=None):
    if name not in variables:
        raise ValueError(f"The checkpoint has no variable {name}" + (f" (expected shape {shape})" if shape else ""))
    found = variables[name].shape
    if found != shape if shape else len(found) != 2:  # without a shape, a kernel is asked for its sizes
        raise ValueError(f"Variable {name} has shape {found}, expected {shape or 'two axes'}")
    return variables[name]
