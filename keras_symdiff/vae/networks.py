"""Encoder and decoder of a MusicVAE, of LSTMs or of dense networks."""

from collections.abc import Sequence

import keras
from keras import ops

from keras_symdiff.constants import NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.vae.dense_networks import DenseDecoder, dense_summary
from keras_symdiff.vae.lstm import LSTM
from keras_symdiff.vae.lstm_decoder import LSTMDecoder


def make_networks(
    networks: str, latent_dim: int, encoder_units: int, decoder_units: Sequence[int], dtype: keras.DTypePolicy
) -> tuple[keras.Model, DenseDecoder | LSTMDecoder]:
    """Builds the two networks of `MusicVAE`, which documents the arguments.

    Args:
        networks: `"lstm"`, `"dense"` or `"dense_lstm"`.
        latent_dim: Size Z of a latent.
        encoder_units: Units of the encoder.
        decoder_units: Units of the decoder's layers.
        dtype: Policy of the layers.

    Returns:
        Encoder of tokens (B, 32) to mean and standard deviation (B, Z), float32; and decoder.

    Raises:
        ValueError: If there are no such networks.
    """
    if networks not in ("lstm", "dense", "dense_lstm"):
        raise ValueError(f"`networks` is 'lstm', 'dense' or 'dense_lstm'. Received: networks={networks}")
    blocks = tuple(decoder_units) if networks == "dense" else tuple(decoder_units)[:-1]
    if networks != "lstm" and set(blocks) != {encoder_units}:
        raise ValueError(
            "Dense networks have blocks of equal units. "
            f"Received: encoder_units={encoder_units}, decoder_units={tuple(decoder_units)}"
        )
    tokens = keras.Input((PHRASE_STEPS,), dtype="int32", name="tokens")
    if networks != "lstm":
        summary = dense_summary(tokens, blocks, dtype)  # (B, units)
    else:
        one_hot = ops.one_hot(tokens, NUM_TOKENS, dtype=dtype.compute_dtype)  # (B, 32, 90)
        # Not `keras.layers.Bidirectional`, which imports TensorFlow on every backend.
        forward = LSTM(encoder_units, dtype=dtype, name="forward_lstm")(one_hot)
        backward = LSTM(encoder_units, go_backwards=True, dtype=dtype, name="backward_lstm")(one_hot)
        summary = ops.concatenate([forward, backward], axis=-1)  # (B, 2 * units)
    mean = keras.layers.Dense(latent_dim, name="mean", dtype="float32")(summary)  # (B, Z)
    stddev = keras.layers.Dense(latent_dim, activation="softplus", name="stddev", dtype="float32")(summary)
    encoder = keras.Model(tokens, [mean, stddev], name="encoder")
    if networks == "dense":
        decoder = DenseDecoder(latent_dim, decoder_units, dtype=dtype, name="decoder")
    elif networks == "dense_lstm":
        decoder = LSTMDecoder(latent_dim, decoder_units[-1:], blocks, dtype=dtype, name="decoder")
    else:
        decoder = LSTMDecoder(latent_dim, decoder_units, dtype=dtype, name="decoder")
    decoder.build((None, latent_dim))
    return encoder, decoder
