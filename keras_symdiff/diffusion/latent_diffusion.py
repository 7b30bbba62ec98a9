"""The diffusion model as something to train."""

from pathlib import Path

import keras
import numpy as np
from keras import ops

from keras_symdiff.diffusion.forward_process import add_noise, continuous_noise_level
from keras_symdiff.diffusion.noise_schedule import NoiseSchedule
from keras_symdiff.models.transformer_denoiser import TransformerDenoiser
from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.presets.preset import load_weights, preset_folder, read_config, write_part
from keras_symdiff.training.seeded_batches import SeededBatches
from keras_symdiff.training.training_noise import training_noise

VALIDATION_BATCH = 256


@keras.saving.register_keras_serializable(package="keras_symdiff")
class LatentDiffusion(keras.Model):
    """Trains a denoiser on scaled latents with the paper's Algorithm 2.

    `fit` minimises the mean squared error between the noise that was added and the noise that the denoiser predicts,
    the noise level being continuous between neighbouring steps of the schedule. `compile()` without arguments is the
    paper's recipe: Adam at 1e-3, global gradient norm clipped at 1, and a moving average of the weights. The paper's
    decay, 0.98 every 4000 steps, is `steps_per_epoch=4000` and `keras.callbacks.LearningRateScheduler`; see
    `diffusion.train.train_diffusion`. After `fit` the model holds the moving average; its momentum, 0.9999, is for runs
    of 50,000 steps and more, and a short one needs an optimizer with less.

    Args:
        denoiser: model of `[x_t (B, L, D), noise_level (B, 1)]`. Defaults to `TransformerDenoiser()`, the paper's.
        schedule: `NoiseSchedule`. Defaults to the paper's `NoiseSchedule.linear()`.
        seed: int, for the noise of training. Defaults to 0.

    Example:
    ```python
    model = keras_symdiff.LatentDiffusion()
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0))
    model.fit(latents, epochs=10)  # latents (N, 32, 42) in [-1, 1]
    pieces = keras_symdiff.sample(model, num_samples=8)  # (8, 32, 42)
    ```

    Reference: section 2.1 and Algorithm 2 of the paper.
    """

    def __init__(self, denoiser=None, schedule=None, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.denoiser = denoiser or TransformerDenoiser()
        self.schedule = schedule or NoiseSchedule.linear()
        self.seed = seed
        self.weights_origin = "weights as they are"
        self.noise = training_noise(seed)
        self.built = True

    def compile(self, optimizer=None, **kwargs):
        """As `keras.Model.compile`; `optimizer` defaults to the paper's.

        Args:
            optimizer: Keras optimizer, or `None` for Adam(1e-3) with clipping at global norm 1 and EMA weights.
            **kwargs: see `keras.Model.compile`. There is no `loss` to pass: the model has its own.
        """
        super().compile(optimizer=optimizer or paper_optimizer(), **kwargs)

    def fit(self, x, batch_size=64, steps_per_epoch=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`.

        Args:
            x: scaled latents (N, L, D), or a dataset of batches of them.
            batch_size: int, for an array. Defaults to 64.
            steps_per_epoch: int, batches an epoch, fewer or more than one pass over an array. Defaults to one pass.
            validation_data: scaled latents (N, L, D); their noise is drawn once, so that losses can be compared
                between epochs and runs. Or a dataset as `validation_batches` makes.
            **kwargs: see `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        if hasattr(validation_data, "shape"):
            validation_data = validation_batches(ops.convert_to_numpy(validation_data), self.schedule)
        if hasattr(x, "shape"):
            x = SeededBatches(ops.convert_to_numpy(x), batch_size, steps_per_epoch, self.seed)
            steps_per_epoch = None
            # Keras would mix an epoch's batches again, by Python's global `random`.
            kwargs |= {"shuffle": False, "callbacks": [x.follow_epochs(), *(kwargs.get("callbacks") or [])]}
        return super().fit(x, steps_per_epoch=steps_per_epoch, validation_data=validation_data, **kwargs)

    def call(self, latents):
        """Returns `latents`: noise and network are the loss's business."""
        return latents

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean squared error of the predicted noise for latents `x` (B, L, D).

        Validation passes `y`, a pair of fixed noise levels (B, 1) and noise (B, L, D).
        """
        x = ops.cast(x, "float32")
        if y is None and not training:
            raise ValueError(
                "Validation needs fixed noise: pass `validation_batches(latents, schedule)`. Received: latents alone"
            )
        if y is None:
            uniform = keras.random.uniform((ops.shape(x)[0], 1), dtype="float32", seed=self.noise)  # (B, 1)
            noise_level = continuous_noise_level(self.schedule.noise_level, uniform)  # (B, 1)
            noise = keras.random.normal(ops.shape(x), dtype="float32", seed=self.noise)  # (B, L, D)
        else:
            noise_level, noise = y
        predicted = self.denoiser([add_noise(x, noise_level, noise), noise_level], training=training)  # (B, L, D)
        return ops.mean(ops.square(noise - ops.cast(predicted, "float32")))

    def save_own_variables(self, store):
        store["noise"] = self.noise.state  # Keras saves no seed generator; a resumed run must go on where it stopped

    def load_own_variables(self, store):
        self.noise.state.assign(store["noise"])

    def save_preset(self, folder, dtype="float32"):
        """Writes the denoiser's present weights, its config and the schedule to `folder/latent_diffusion`.

        Args:
            folder: path, made if it is not there.
            dtype: type of the numbers on disk, `"float32"` or `"float16"`.
        """
        config = {k: v for k, v in self.denoiser.get_config().items() if k not in ("name", "trainable", "dtype")}
        config = {"denoiser": config, "schedule": self.schedule.get_config(), "weights_origin": self.weights_origin}
        write_part(Path(folder) / "latent_diffusion", self.denoiser, config, dtype)

    @classmethod
    def from_preset(cls, name_or_folder=DEFAULT_PRESET):
        """Loads a trained model: of a run, the moving average of its weights.

        Args:
            name_or_folder: name of a shipped preset, or a preset folder or run directory.

        Returns:
            A `LatentDiffusion`.

        Raises:
            ValueError: when there is none, or its files are damaged.
        """
        folder = preset_folder(name_or_folder) / "latent_diffusion"
        config = read_config(folder)
        try:
            model = cls(TransformerDenoiser(**config["denoiser"]), NoiseSchedule.from_config(config["schedule"]))
        except (KeyError, TypeError) as error:  # TypeError: an unknown argument
            raise ValueError(f"Not the config of a LatentDiffusion. Received: {config} in {folder}") from error
        load_weights(folder, model.denoiser)
        model.weights_origin = config["weights_origin"]
        return model

    def get_config(self):
        return {
            "denoiser": keras.saving.serialize_keras_object(self.denoiser),
            "schedule": self.schedule.get_config(),
            "seed": self.seed,
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["denoiser"] = keras.saving.deserialize_keras_object(config["denoiser"])
        config["schedule"] = NoiseSchedule.from_config(config["schedule"])
        return cls(**config)


def paper_optimizer(learning_rate=1e-3, ema_momentum=0.9999):
    """Adam with clipping at global norm 1 and a moving average of the weights (section 4.3 of the paper, its code).

    Args:
        learning_rate: float. Defaults to 1e-3.
        ema_momentum: float. Defaults to 0.9999.

    Returns:
        `keras.optimizers.Adam`.
    """
    return keras.optimizers.Adam(
        learning_rate, global_clipnorm=1.0, use_ema=True, ema_momentum=ema_momentum, ema_overwrite_frequency=None
    )


class _FixedBatches(keras.utils.PyDataset):
    """Slices of arrays, in order."""

    def __init__(self, x, y, batch_size):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size

    def __len__(self):
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[rows], tuple(part[rows] for part in self.y)


def validation_batches(latents, schedule, seed=0):
    """A validation data set whose noise is drawn once.

    Noise levels are spread evenly over the schedule, so that few latents already give a steady loss.

    Args:
        latents: scaled latents (N, L, D).
        schedule: `NoiseSchedule` of the model.
        seed: int. Defaults to 0.

    Returns:
        A `keras.utils.PyDataset` of batches `(latents, (noise_level, noise))`.
    """
    stream = np.random.Generator(np.random.Philox(seed))
    uniform = stream.permutation((np.arange(len(latents)) + 0.5) / len(latents))[:, None]  # (N, 1)
    noise_level = ops.convert_to_numpy(continuous_noise_level(schedule.noise_level, uniform.astype("float32")))
    noise = stream.standard_normal(latents.shape, dtype=np.float32)  # (N, L, D)
    return _FixedBatches(latents, (noise_level, noise), VALIDATION_BATCH)
