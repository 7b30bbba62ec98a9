"""MusicVAE: a variational autoencoder of 2-bar phrases."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
from jaxtyping import Float, Float32, Int, Int8
from keras import ops

from keras_symdiff.check_finite import check_finite
from keras_symdiff.constants import LATENT_DIM, NUM_TOKENS, PHRASE_STEPS
from keras_symdiff.music.melody import checked_tokens
from keras_symdiff.presets.preset_part import PresetModel
from keras_symdiff.training.fixed_batches import FixedBatches
from keras_symdiff.training.own_loss_model import OwnLossModel
from keras_symdiff.training.training_noise import training_noise
from keras_symdiff.vae.decoding_noise import checked_bias, checked_forced, decoding_noise, force
from keras_symdiff.vae.evidence_lower_bound import cross_entropy_of, kl_divergence, negative_evidence_lower_bound
from keras_symdiff.vae.in_batches import in_batches
from keras_symdiff.vae.magenta_checkpoint import (
    assign_magenta_variables,
    music_vae_sizes,
    read_magenta_checkpoint,
)
from keras_symdiff.vae.networks import make_networks

_ENCODE_BATCH = 512
_DECODE_BATCH = 256


@keras.saving.register_keras_serializable(package="keras_symdiff")
class MusicVAE(PresetModel, OwnLossModel):
    """Encoder and decoder of melody phrases: bidirectional and autoregressive LSTMs, or dense networks.

    The defaults are the sizes and the training of Magenta's `cat-mel_2bar_big`. A phrase is 32 tokens of a sixteenth
    note each: 0 no event, 1 note-off, 2..89 the onset of MIDI pitch token + 19.

    `fit(tokens)` minimises the negative evidence lower bound in nats per phrase,
    `cross entropy + beta * max(KL - free_bits * ln 2, 0)` with `beta = kl_weight * (1 - kl_rate ** step)`.

    Args:
        latent_dim: size Z of a latent. Defaults to 512.
        encoder_units: int, LSTM units of each direction. Defaults to 2048.
        decoder_units: sequence of int, LSTM units of the decoder's layers. Defaults to `(2048, 2048, 2048)`.
        decoder_noise: float or `None`. With a number, training leaves the encoder as it is and decodes latents with
            noise of 0 to so many posterior standard deviations, so that the decoder learns to read the inexact latents
            that a diffusion model makes. Defaults to `None`: noise of one deviation, and both networks learn.
        networks: `"lstm"`; `"dense"` for residual blocks over the whole phrase, one for each of `decoder_units`, which
            all equal `encoder_units`; or `"dense_lstm"`, whose last of `decoder_units` are those of an LSTM after the
            decoder's blocks. Defaults to `"lstm"`.
        kl_weight: the largest weight of the KL term. Defaults to 0.5.
        kl_rate: float in [0, 1), how slowly that weight is reached (0: at once). Defaults to 0.99999.
        free_bits: bits per phrase that cost nothing. Defaults to 0.
        token_dropout: float in [0, 1), the share of previous tokens that training hides from the decoder, so that it
            must read the latent. It stands for Magenta's scheduled sampling, which feeds back the decoder's own
            samples, at none of its cost. Defaults to 0.
        seed: for the noise of training. Defaults to 0.

    Example:
    ```python
    vae = keras_symdiff.MusicVAE(latent_dim=16, encoder_units=32, decoder_units=(32,))
    tokens = np.zeros((4, 32), "int8")
    tokens[:, ::4] = 41  # middle C in quarter notes
    mean, stddev = vae.encode(tokens)  # (4, 16) each
    vae.decode(mean)  # (4, 32) tokens
    ```

    Reference: Roberts et al., "A Hierarchical Latent Vector Model for Learning Long-Term Structure in Music" (ICML
    2018); section 3.1 of the paper.
    """

    batch_size = 512  # of an array given to `fit`
    preset_part = "music_vae"

    def __init__(
        self,
        latent_dim: int = LATENT_DIM,
        encoder_units: int = 2048,
        decoder_units: Sequence[int] = (2048, 2048, 2048),
        kl_weight: float = 0.5,
        kl_rate: float = 0.99999,
        free_bits: float = 0.0,
        token_dropout: float = 0.0,
        seed: int = 0,
        networks: str = "lstm",
        decoder_noise: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, **kwargs)
        for name, share in {"kl_rate": kl_rate, "token_dropout": token_dropout}.items():
            if not 0 <= share <= 1:
                raise ValueError(f"`{name}` must be in [0, 1]. Received: {name}={share}")
        self.latent_dim = latent_dim
        self.encoder_units = encoder_units
        self.decoder_units = tuple(decoder_units)
        self.kl_weight = kl_weight
        self.kl_rate = kl_rate
        self.free_bits = free_bits
        self.token_dropout = token_dropout
        self.networks = networks
        self.decoder_noise = decoder_noise

        self.encoder, self.decoder = make_networks(
            networks, latent_dim, encoder_units, self.decoder_units, self.dtype_policy
        )
        self.noise = training_noise(seed)
        # Counted here and not read off the optimizer: on JAX the optimizer's variables are constants inside the loss.
        self.steps = self.add_weight(name="steps", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.cross_entropy_tracker = keras.metrics.Mean(name="cross_entropy")
        self.built = True

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Adam with clipping at global norm 1, as `train_vae` has it but for its decay."""
        return keras.optimizers.Adam(1e-3, global_clipnorm=1.0)

    def call(self, tokens: Any, training: bool | None = False) -> Any:
        """The likeliest reconstruction of tokens (B, 32); in training the tokens, which the loss decodes itself."""
        if training:
            return tokens
        mean, _ = self.encoder(tokens, training=False)
        return self.decoder([mean, ops.zeros((ops.shape(tokens)[0], PHRASE_STEPS, NUM_TOKENS))])

    def export(
        self,
        filepath: str | Path,
        format: str = "tf_saved_model",
        *,
        input_signature: Sequence | None = None,
        **kwargs: Any,
    ) -> None:
        """As `keras.Model.export`: tokens (N, 32) in, their likeliest reconstruction out."""
        self.check_export(format)
        signature = [keras.InputSpec("int32", (None, PHRASE_STEPS), name="tokens")]
        super().export(filepath, format=format, input_signature=input_signature or signature, **kwargs)

    def check_examples(self, *arrays: Any) -> None:
        """Refuses what are no tokens: some backends would train on them in silence."""
        super().check_examples(*arrays)
        for tokens in arrays:
            checked_tokens(tokens)

    def validation_batches(self, tokens: Int[np.ndarray, "N 32"]) -> FixedBatches:
        """Batches of tokens (N, 32) in their order."""
        return FixedBatches(tokens, batch_size=self.batch_size)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: None = None, training: bool = True
    ) -> Float[Any, ""]:
        """The negative evidence lower bound of tokens `x` (B, 32), nats per phrase."""
        self.refuse(y=y, sample_weight=sample_weight)
        tokens = ops.cast(x, "int32")
        mean, stddev = self.encoder(tokens, training=training)  # (B, Z)
        latents, visible = mean, ops.ones(ops.shape(tokens))
        if training:
            deviations = 1.0
            if self.decoder_noise is not None:
                shares = keras.random.uniform((ops.shape(tokens)[0], 1), dtype="float32", seed=self.noise)
                deviations = self.decoder_noise * shares  # (B, 1)
            noise = keras.random.normal(ops.shape(mean), dtype="float32", seed=self.noise)
            latents = mean + deviations * stddev * noise
            draws = keras.random.uniform(ops.shape(tokens), dtype="float32", seed=self.noise)
            visible = ops.cast(draws >= self.token_dropout, "float32")  # (B, 32)
        logits = ops.cast(self.decoder.teacher_forced(latents, tokens, visible), "float32")  # (B, 32, 90)
        self.update_metrics(tokens, logits)
        cross_entropy, kl = cross_entropy_of(tokens, logits), kl_divergence(mean, stddev)  # (B,)
        beta = self.kl_weight * (1.0 - ops.power(self.kl_rate, ops.cast(self.steps, "float32")))
        loss = negative_evidence_lower_bound(cross_entropy, kl, beta, self.free_bits)
        if training:
            self.steps.assign_add(1)
        self.cross_entropy_tracker.update_state(cross_entropy)
        self.kl_tracker.update_state(kl)
        return loss

    def encode(
        self, tokens: Int[np.ndarray, "N 32"], progress: Callable[[int, int], Any] | None = None
    ) -> tuple[Float32[np.ndarray, "N Z"], Float32[np.ndarray, "N Z"]]:
        """Encodes phrases.

        Args:
            tokens: integer array (N, 32), values 0..89.
            progress: callback `(phrases done, phrases in total)`, or `None`.

        Returns:
            `mean` and `stddev` of the posterior, float32 arrays (N, Z).
        """
        tokens = checked_tokens(tokens).astype("int32")
        mean, stddev = in_batches(
            lambda tokens, first: self.encoder.predict_on_batch(tokens), _ENCODE_BATCH, tokens, progress
        )
        check_finite("Posterior means", mean)
        check_finite("Posterior standard deviations", stddev)
        return mean, stddev

    def decode(
        self,
        latents: Float[np.ndarray, "N Z"],
        temperature: float = 1e-3,
        seed: int = 0,
        progress: Callable[[int, int], Any] | None = None,
        forced: Int[np.ndarray, "N 32"] | None = None,
        bias: Float[np.ndarray, "N 32 90"] | None = None,
        first_phrase: int = 0,
    ) -> Int8[np.ndarray, "N 32"]:
        """Decodes latents, step by step, each token drawn from the softmax at `temperature`.

        Args:
            latents: float array (N, Z).
            temperature: positive float; the paper decodes at 1e-3, which is the most likely token but for ties.
            seed: int; phrase `i` is decoded from a noise stream keyed (seed, i), whatever the batch.
            progress: callback `(phrases done, phrases in total)`, or `None`.
            forced: integer array (N, 32) of tokens that are given, -1 where free. They come back as they are, and
                what follows hears them. Defaults to `None`: all are free.
            bias: float array (N, 32, 90) of nats, added to the logits of each token; see
                `music.pitch_bias`. Defaults to `None`: nothing.
            first_phrase: int, index of the first phrase among those of the seed. Defaults to 0.

        Returns:
            int8 array (N, 32) of tokens.
        """
        latents = np.asarray(latents, "float32")
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise ValueError(f"Latents have {self.latent_dim} dimensions. Received: latents of shape {latents.shape}")
        check_finite("Latents", latents)
        if not 0 < temperature < np.inf:
            raise ValueError(f"The temperature is positive and finite. Received: temperature={temperature}")

        if forced is not None:
            forced = checked_forced(forced, len(latents))
        if bias is not None:
            bias = checked_bias(bias, len(latents))

        def predict(latents, first):
            rows = slice(first, first + len(latents))
            gumbel = temperature * decoding_noise(
                seed, range(first_phrase + rows.start, first_phrase + rows.stop)
            )  # (B, 32, 90)
            if bias is not None:
                gumbel[: len(bias[rows])] += bias[rows]
            if forced is not None:
                force(gumbel, forced[rows])
            return [self.decoder.predict_on_batch([latents, gumbel])]

        (tokens,) = in_batches(predict, _DECODE_BATCH, latents, progress)
        if (tokens < 0).any():
            raise ValueError(
                f"Logits must be finite. Received: {(tokens < 0).any(axis=1).sum():,} of {len(tokens):,} phrases with "
                "logits that are NaN or infinite"
            )
        return tokens.astype("int8")

    def log_likelihood(
        self, latents: Float[np.ndarray, "N Z"], tokens: Int[np.ndarray, "N 32"]
    ) -> Float32[np.ndarray, "N 32"]:
        """Log-probability of each token of phrases, given their latents and the tokens before it.

        Args:
            latents: float array (N, Z).
            tokens: integer array (N, 32).

        Returns:
            float32 array (N, 32), nats.
        """
        latents, tokens = np.asarray(latents, "float32"), checked_tokens(tokens).astype("int32")
        result = np.zeros(tokens.shape, "float32")
        for first in range(0, len(tokens), _DECODE_BATCH):
            rows = slice(first, first + _DECODE_BATCH)
            visible = np.ones(tokens[rows].shape, "float32")
            logits = ops.cast(self.decoder.teacher_forced(latents[rows], tokens[rows], visible), "float32")
            log_probabilities = ops.convert_to_numpy(ops.log_softmax(logits, axis=-1))  # (B, 32, 90)
            result[rows] = np.take_along_axis(log_probabilities, tokens[rows][:, :, None], axis=-1)[:, :, 0]
        return result

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["noise"] = self.noise.state  # Keras saves no seed generator; a resumed run must go on where it stopped

    def load_own_variables(self, store: Any) -> None:
        self.steps.assign(store["0"])
        self.noise.state.assign(store["noise"])

    def fingerprint(self) -> str:
        """A string that differs between models that would encode differently: a hash of the encoder's weights."""
        digest = hashlib.sha256()
        for weights in self.encoder.get_weights():
            digest.update(np.ascontiguousarray(weights, "float16").tobytes())  # a preset may be stored in float16
        return digest.hexdigest()

    def get_preset_config(self) -> dict[str, Any]:
        """Returns the arguments of the model."""
        return {k: v for k, v in self.get_config().items() if k not in ("name", "trainable", "dtype")}

    @classmethod
    def from_magenta_checkpoint(cls, path: str | Path) -> Self:
        """Builds the model from a checkpoint of Magenta's `cat-mel_2bar_big` graph, of any sizes.

        Args:
            path: a TF1 checkpoint prefix or a `.tar` that holds one. Needs TensorFlow installed, on every backend.

        Returns:
            A `MusicVAE`.
        """
        variables = read_magenta_checkpoint(path)
        vae = cls(**music_vae_sizes(variables))
        assign_magenta_variables(vae, variables)
        return vae

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "latent_dim": self.latent_dim,
            "encoder_units": self.encoder_units,
            "decoder_units": self.decoder_units,
            "kl_weight": self.kl_weight,
            "kl_rate": self.kl_rate,
            "free_bits": self.free_bits,
            "token_dropout": self.token_dropout,
            "seed": self.seed,
            "networks": self.networks,
            "decoder_noise": self.decoder_noise,
        }
