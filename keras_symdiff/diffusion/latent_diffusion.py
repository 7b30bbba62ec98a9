"""The diffusion model as something to train."""

from typing import Any, Self

import keras
import numpy as np
from jaxtyping import Float
from keras import ops

from keras_symdiff.diffusion.condition_dropout import DROP_RATES, hide_parts
from keras_symdiff.diffusion.forward_process import add_noise, continuous_noise_level, show_given
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.models.transformer_denoiser import TransformerDenoiser
from keras_symdiff.music.condition import CONDITION_DIM
from keras_symdiff.training.fixed_batches import FixedBatches
from keras_symdiff.training.latent_model import LatentModel, network_config
from keras_symdiff.training.training_noise import training_noise

VALIDATION_BATCH = 256
MOST_RUNS_A_PHRASE = 0.25  # of given and missing phrases, in training


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LatentDiffusion(LatentModel):
    """Trains a denoiser on scaled latents with the paper's Algorithm 2.

    `fit` minimises the mean squared error between the noise that was added and the noise that the denoiser predicts,
    the noise level being continuous between neighbouring steps of the schedule. `compile()` without arguments is the
    paper's recipe: Adam at 1e-3, global gradient norm clipped at 1, and a moving average of the weights. The paper's
    decay, 0.98 every 4000 steps, is `steps_per_epoch=4000` and `keras.callbacks.LearningRateScheduler`; see
    `training.train_latent_model`. After `fit` the model holds the moving average; its momentum, 0.9999, is for runs
    of 50,000 steps and more, and a short one needs an optimizer with less.

    A denoiser with a `condition_dim` trains on pairs of latents (B, L, D) and conditions (B, L, C), laid out as in
    `music.condition`. Parts of conditions are hidden at random, so that the model can do without any of them, and
    without all. The paper's pieces have 32 phrases; pieces with conditions may have fewer and are padded. Where feature
    0 of the condition is 0, there is no loss.

    Args:
        denoiser: model of `[x_t (B, L, D), noise_level (B, 1)]`. Defaults to `TransformerDenoiser()`, the paper's.
        schedule: `NoiseSchedule`. Defaults to the paper's `NoiseSchedule.linear()`.
        seed: for the noise of training. Defaults to 0.
        step_power: float >= 1. Training draws diffusion steps as `N * u ** step_power` for uniform `u`; 1 is the
            paper's. Latents scaled to [-1, 1] have a standard deviation of about 0.25, so that three of four of its
            steps see more noise than music; 2 sees more of the others, and learns them in fewer steps. Defaults to 1.
        given_share: float in [0, 1]. Share of the training pieces of which runs of phrases are given: they are shown
            without noise, at noise level 1, and the loss is of the others. `infill` shows such a model the phrases
            that are given; any other sees them noised, as in the paper. Defaults to 0.
        drop_rates: dict of float in [0, 1]. How often training hides what: `"piece"`, the whole condition of a piece;
            `"chroma"`, `"density"`, `"register"` or `"repeats"`, that part of a piece; `"phrase"`, each part of a
            phrase. Defaults to `None`: `DROP_RATES`, which also holds for keys that are not there.

    Example:
    ```python
    denoiser = keras_symdiff.TransformerDenoiser(embed_dim=16, num_layers=1, num_heads=2, mlp_dim=16, residual_dim=16)
    model = keras_symdiff.LatentDiffusion(denoiser)  # without an argument, the paper's
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0))
    model.fit(latents, epochs=2)  # latents (N, 32, 42) in [-1, 1]
    pieces = keras_symdiff.sample(model, num_samples=8, sampler=keras_symdiff.QUALITIES["draft"])  # (8, 32, 42)
    ```

    Reference: section 2.1 and Algorithm 2 of the paper.
    """

    learning_rate = 1e-3
    batch_size = 64
    preset_part = "latent_diffusion"

    def __init__(
        self,
        denoiser: keras.Model | None = None,
        schedule: NoiseSchedule | None = None,
        seed: int = 0,
        step_power: float = 1.0,
        given_share: float = 0.0,
        drop_rates: dict[str, float] | None = None,
        **kwargs: Any,
    ):
        network: Any = denoiser or TransformerDenoiser()
        schedule = schedule or NoiseSchedule.linear()
        if not isinstance(network, keras.Layer):  # as models are
            raise ValueError(f"`denoiser` must be a Keras model. Received: denoiser={network!r:.200}")
        if not isinstance(schedule, NoiseSchedule):
            raise ValueError(f"`schedule` must be a `NoiseSchedule`. Received: schedule={schedule!r:.200}")
        super().__init__(seed, **{"dtype": network.dtype_policy} | kwargs)
        if not step_power >= 1:
            raise ValueError(f"`step_power` must be at least 1. Received: step_power={step_power}")
        if not 0 <= given_share <= 1:
            raise ValueError(f"`given_share` must be in [0, 1]. Received: given_share={given_share}")
        for name, rate in (drop_rates or {}).items():
            if name not in DROP_RATES or not 0 <= rate <= 1:
                raise ValueError(
                    f"`drop_rates` are in [0, 1], of {', '.join(DROP_RATES)}. Received: drop_rates={drop_rates}"
                )
        self.step_power = step_power
        self.given_share = given_share
        self.drop_rates = DROP_RATES | (drop_rates or {})
        self.denoiser = network
        if self._condition_dim not in (None, CONDITION_DIM):
            raise ValueError(
                f"`denoiser` must have the condition_dim {CONDITION_DIM}, or none. "
                f"Received: condition_dim={self._condition_dim}"
            )
        self.schedule = schedule
        self.noise = training_noise(seed)

    @property
    def _condition_dim(self):
        return getattr(self.denoiser, "condition_dim", None)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """The denoiser; a batch to train on, which has no noise level, passes as it is: the loss noises it."""
        num_inputs = len(inputs) if isinstance(inputs, (list, tuple)) else 1
        return self.denoiser(inputs, training=training) if num_inputs == len(self.denoiser.inputs) else inputs

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """As `keras.Model.predict`, of the denoiser: the noise in `[x_t, noise_level]`."""
        if hasattr(x, "shape"):
            raise ValueError(
                "The denoiser predicts the noise in [x_t, noise_level]; `keras_symdiff.sample` makes new latents. "
                f"Received: one array of shape {tuple(x.shape)}"
            )
        return super().predict(x, **kwargs)

    def validation_batches(
        self, latents: Float[np.ndarray, "N L D"], condition: Float[np.ndarray, "N L C"] | None = None
    ) -> FixedBatches:
        """A validation data set whose noise is drawn once.

        Noise levels are spread evenly over the schedule, so that few latents already give a steady loss. No phrase is
        given, and nothing of a condition is hidden.

        Args:
            latents: scaled latents (N, L, D).
            condition: conditions (N, L, C), of a model that has them.

        Returns:
            A `keras.utils.PyDataset` of batches `(latents, (noise_level, noise))`, the latents with their condition as
            a pair.
        """
        stream = np.random.Generator(np.random.Philox(0))
        uniform = stream.permutation((np.arange(len(latents)) + 0.5) / len(latents))[:, None]  # (N, 1)
        noise_level = ops.convert_to_numpy(continuous_noise_level(self.schedule.noise_level, uniform.astype("float32")))
        noise = stream.standard_normal(latents.shape, dtype=np.float32)  # (N, L, D)
        x = latents if condition is None else (latents, condition)
        return FixedBatches(x, (noise_level, noise), batch_size=VALIDATION_BATCH)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: None = None, training: bool = True
    ) -> Float[Any, ""]:
        """Mean squared error of the predicted noise for latents `x` (B, L, D), or such and conditions (B, L, C).

        Validation passes `y`, a pair of fixed noise levels (B, 1) and noise (B, L, D).
        """
        self.refuse(sample_weight=sample_weight)
        x, *condition = x if isinstance(x, (tuple, list)) else (x,)
        if len(condition) != (self._condition_dim is not None):
            raise ValueError(
                "A model with a `condition_dim` trains on pairs of latents and conditions, any other on latents. "
                f"Received: condition_dim={self._condition_dim}, {1 + len(condition)} arrays"
            )
        x = ops.cast(x, "float32")
        if y is None and not training:  # of a data set: no fewer levels, the same noise in every batch
            y = self._fixed_noise(ops.shape(x))
        if y is None:
            uniform = keras.random.uniform((ops.shape(x)[0], 1), dtype="float32", seed=self.noise)  # (B, 1)
            uniform = ops.power(uniform, self.step_power)
            noise_level = continuous_noise_level(self.schedule.noise_level, uniform)  # (B, 1)
            noise = keras.random.normal(ops.shape(x), dtype="float32", seed=self.noise)  # (B, L, D)
        else:
            noise_level, noise = (ops.cast(part, "float32") for part in y)
        x_t = add_noise(x, noise_level, noise)
        missing = 1.0  # or (B, L, 1)
        if y is None and self.given_share:
            keep_mask = self._draw_keep_mask(ops.shape(x)[0], x.shape[1])
            x_t, noise_level = show_given(x_t, noise_level, x, keep_mask)
            missing = 1.0 - ops.cast(keep_mask, "float32")[:, :, None]
        if condition:
            condition = [ops.cast(condition[0], "float32")]
            missing = missing * condition[0][:, :, :1]  # no loss of padding
            if y is None:
                condition = [hide_parts(condition[0], self.drop_rates, self.noise)]
        predicted = self.denoiser([x_t, noise_level, *condition], training=training)  # (B, L, D)
        noise, predicted = noise * missing, ops.cast(predicted, "float32") * missing
        self.update_metrics(noise, predicted)
        return ops.mean(ops.square(noise - predicted)) / ops.maximum(ops.mean(missing), 1e-6)

    def _fixed_noise(self, shape):
        """Noise levels (B, 1), spread evenly over the schedule, and noise (B, L, D): the same for one shape."""
        uniform = (ops.arange(shape[0], dtype="float32")[:, None] + 0.5) / ops.cast(shape[0], "float32")
        noise_level = continuous_noise_level(self.schedule.noise_level, uniform)
        return noise_level, keras.random.normal(shape, dtype="float32", seed=0)

    def _draw_keep_mask(self, num_pieces, num_phrases):
        """Runs of given phrases, short or long in a piece, or none: `(B, L)`, bool."""
        rate = keras.random.uniform((num_pieces, 1), maxval=MOST_RUNS_A_PHRASE, dtype="float32", seed=self.noise)
        rate = ops.where(np.arange(num_phrases) == 0, 0.5, rate)  # (B, L): of a run's beginning
        begins = keras.random.uniform((num_pieces, num_phrases), dtype="float32", seed=self.noise) < rate
        shown = keras.random.uniform((num_pieces, 1), dtype="float32", seed=self.noise) < self.given_share
        return ops.logical_and(ops.cumsum(ops.cast(begins, "int32"), axis=1) % 2 == 1, shown)

    def save_own_variables(self, store: Any) -> None:
        store["noise"] = self.noise.state  # Keras saves no seed generator; a resumed run must go on where it stopped

    def load_own_variables(self, store: Any) -> None:
        self.noise.state.assign(store["noise"])

    @property
    def network(self) -> keras.Model:
        """The denoiser."""
        return self.denoiser

    def get_preset_config(self) -> dict[str, Any]:
        """Returns the denoiser's arguments, the schedule and what training it further needs."""
        return {
            "denoiser": network_config(self.denoiser),
            "schedule": self.schedule.get_config(),
            "step_power": self.step_power,
            "given_share": self.given_share,
            "drop_rates": self.drop_rates,
        }

    @classmethod
    def from_preset_config(cls, config: dict[str, Any]) -> Self:
        denoiser = TransformerDenoiser(**config["denoiser"])
        schedule = NoiseSchedule.from_config(config["schedule"])
        return cls(**{**config, "denoiser": denoiser, "schedule": schedule})

    def get_config(self) -> dict[str, Any]:
        return {
            "denoiser": keras.saving.serialize_keras_object(self.denoiser),
            "schedule": self.schedule.get_config(),
            "seed": self.seed,
            "step_power": self.step_power,
            "given_share": self.given_share,
            "drop_rates": self.drop_rates,
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        config = dict(config)
        config["denoiser"] = keras.saving.deserialize_keras_object(config["denoiser"])
        config["schedule"] = NoiseSchedule.from_config(config["schedule"])
        return cls(**config)
