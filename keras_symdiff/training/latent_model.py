"""What the diffusion model and the autoregressive baseline share as things to train."""

from pathlib import Path

import keras
from keras import ops

from keras_symdiff.presets.default import DEFAULT_PRESET
from keras_symdiff.presets.preset import load_weights, preset_folder, read_config, write_part
from keras_symdiff.training.paper_optimizer import paper_optimizer
from keras_symdiff.training.scanned_steps import scanned_steps
from keras_symdiff.training.seeded_batches import SeededBatches


class LatentModel(keras.Model):
    """A model of scaled latents that has its own loss, `compute_loss`.

    A child has `network`, the Keras model whose weights a preset holds, and `get_preset_config` and
    `from_preset_config`, which turn the model into a JSON-able dict and back, without its weights.

    Args:
        seed: int, for the order of batches and the noise of training. Defaults to 0.
    """

    learning_rate = None  # of the first step
    batch_size = None  # of an array given to `fit`
    preset_part = None  # folder of a preset

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.weights_origin = "weights as they are"
        self.built = True

    def compile(self, optimizer=None, **kwargs):
        """As `keras.Model.compile`; `optimizer` defaults to the paper's.

        Args:
            optimizer: Keras optimizer, or `None` for Adam at the paper's rate with clipping at global norm 1 and a
                moving average of the weights.
            **kwargs: see `keras.Model.compile`. There is no `loss` to pass: the model has its own.
        """
        super().compile(optimizer=optimizer or paper_optimizer(self.learning_rate), **kwargs)

    def fit(self, x, batch_size=None, steps_per_epoch=None, validation_data=None, **kwargs):
        """As `keras.Model.fit`, on JAX on all devices of `keras.distribution`.

        With a distribution set, every device takes an equal part of a batch: `batch_size` is that of all together.

        Args:
            x: scaled latents (N, L, D), or a pair of them and conditions (N, L, C), or a dataset of batches of those.
            batch_size: int, for an array. Defaults to the paper's.
            steps_per_epoch: int, batches an epoch, fewer or more than one pass over an array. Defaults to one pass.
            validation_data: as `x`, or a dataset as `validation_batches` makes. Of an array, a
                remainder that several devices cannot share equally is left out.
            **kwargs: see `keras.Model.fit`.

        Returns:
            `keras.callbacks.History`.
        """
        # An earlier `fit` ends with weights set to their moving average, on JAX by sharing its buffers, and a training
        # step donates each buffer once only.
        for variable in self.trainable_variables:
            variable.assign(ops.copy(variable))
        devices = num_devices()
        if arrays := _as_arrays(validation_data):
            shared = len(arrays[0]) - len(arrays[0]) % devices
            validation_data = self.validation_batches(*(array[:shared] for array in arrays))
        if arrays := _as_arrays(x):
            batch_size = batch_size or self.batch_size
            if batch_size % devices:
                raise ValueError(
                    f"Devices share a batch equally. Received: batch_size={batch_size} for {devices} devices"
                )
            x = SeededBatches(arrays, batch_size, steps_per_epoch, self.seed)
            steps_per_epoch = None
            # Keras would mix an epoch's batches again, by Python's global `random`.
            kwargs |= {"shuffle": False, "callbacks": [x.follow_epochs(), *(kwargs.get("callbacks") or [])]}
        return super().fit(x, steps_per_epoch=steps_per_epoch, validation_data=validation_data, **kwargs)

    def make_train_function(self, force=False):
        """As Keras's, but that JAX on one device takes `steps_per_execution` steps in one compiled call."""
        if self.train_function is not None and not force:
            return
        super().make_train_function(force)
        compiled = keras.backend.backend() == "jax" and self.jit_compile and not self.run_eagerly
        if compiled and self.steps_per_execution > 1 and keras.distribution.distribution() is None:
            self.train_function = scanned_steps(self.train_step, self.steps_per_execution)

    def call(self, latents):
        """Returns `latents`: noise and network are the loss's business."""
        return latents

    def save_preset(self, folder, dtype="float32"):
        """Writes the network's present weights and what is needed to build it to a part of `folder`.

        Args:
            folder: path, made if it is not there.
            dtype: type of the numbers on disk, `"float32"` or `"float16"`.
        """
        config = self.get_preset_config() | {"weights_origin": self.weights_origin}
        write_part(Path(folder) / self.preset_part, self.network, config, dtype)

    @classmethod
    def from_preset(cls, name_or_folder=DEFAULT_PRESET, seed=0, **changes):
        """Loads a trained model: of a run, the moving average of its weights.

        Args:
            name_or_folder: name of a shipped preset, or a preset folder or run directory.
            seed: int, for training it further. Defaults to 0.
            **changes: arguments of the model that shall differ from the preset's, such as `given_share`.

        Returns:
            A model.

        Raises:
            ValueError: when there is none, its files are damaged, or it has no such argument to change.
        """
        folder = preset_folder(name_or_folder) / cls.preset_part
        config = read_config(folder)
        try:
            model = cls.from_preset_config(config | changes, seed)
            model.weights_origin = config["weights_origin"]
        except (KeyError, TypeError) as error:  # TypeError: an unknown argument
            raise ValueError(f"Not the config of a {cls.__name__}. Received: {config} in {folder}") from error
        if not changes.keys() <= config.keys():
            raise ValueError(f"`changes` must be among {', '.join(config)}. Received: {', '.join(changes)}")
        load_weights(folder, model.network)
        return model


def _as_arrays(data):
    """NumPy arrays of an array or a pair of them; an empty tuple for a dataset."""
    parts = data if isinstance(data, (tuple, list)) else (data,)
    return tuple(ops.convert_to_numpy(part) for part in parts if hasattr(part, "shape"))


def num_devices():
    """Returns how many devices `keras.distribution` spreads a batch over."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.num_model_replicas


def network_config(network):
    """Returns the arguments of a network that decide its shape, as a JSON-able dict."""
    return {k: v for k, v in network.get_config().items() if k not in ("name", "trainable", "dtype")}
