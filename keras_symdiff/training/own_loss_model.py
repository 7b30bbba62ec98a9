"""Keras models that have their own loss."""

from pathlib import Path
from typing import Any

import keras
from keras import ops

from keras_symdiff.check_integer import check_integer
from keras_symdiff.training.averaging_adam import AveragingAdam
from keras_symdiff.training.scanned_steps import scanned_steps
from keras_symdiff.training.seeded_batches import SeededBatches
from keras_symdiff.training.stop_when_diverged import StopWhenDiverged


class OwnLossModel(keras.Model):
    """A model that has its own loss, `compute_loss`, and takes all that `keras.Model` takes but for loss and targets.

    A child has `compute_loss`, which calls `update_metrics`, `validation_batches` and `default_optimizer`.

    Args:
        seed: Seed of the order of batches.
        **kwargs: Other keyword arguments of `keras.Model`, such as `name`.
    """

    batch_size: int  # of an array given to `fit`

    def __init__(self, seed: int = 0, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)  # noise levels lose their meaning in bfloat16
        self.seed = seed

    def compile(self, optimizer: Any = None, loss: None = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without a loss: the model has its own.

        Args:
            optimizer: Keras optimizer, or `None` for `default_optimizer`.
            loss: `None`.
            **kwargs: See `keras.Model.compile`. Metrics compare what `compute_loss` compares.

        Raises:
            ValueError: If there is a loss.
        """
        if loss is not None:
            raise ValueError(f"{type(self).__name__} has its own loss. Received: loss={loss}")
        super().compile(optimizer=self.default_optimizer() if optimizer is None else optimizer, **kwargs)
        self._metrics_updated = False

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(
        self,
        x: Any,
        y: None = None,
        batch_size: int | None = None,
        *,
        steps_per_epoch: int | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        callbacks: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`, on JAX on all devices of `keras.distribution`.

        With a distribution set, every device takes an equal part of a batch: `batch_size` is that of all together.

        Args:
            x: Array, or pair of arrays, of one example a row; or a data set of batches of them.
            y: `None`.
            batch_size: Integer, for arrays. Defaults to the model's.
            steps_per_epoch: Integer, batches per epoch. Defaults to one pass over the data.
            validation_split: Float in [0, 1). Share of the arrays, their last rows, to validate on.
            validation_data: As `x`, or what `validation_batches` makes. Of arrays, a remainder that several devices
                cannot share equally is left out.
            callbacks: Keras callback, or a list of them.
            **kwargs: See `keras.Model.fit`. Examples have no weights.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: If there are targets or weights, an argument is out of range, or the training diverges; see
                `StopWhenDiverged`.
        """
        self.refuse(y=y, **{name: kwargs.pop(name, None) for name in ("class_weight", "sample_weight")})
        for name, number in {"batch_size": batch_size, "steps_per_epoch": steps_per_epoch}.items():
            if number is not None:
                check_integer(name, number, 1)
        if not 0 <= validation_split < 1:
            raise ValueError(f"`validation_split` must be in [0, 1). Received: validation_split={validation_split}")
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = callbacks.callbacks
        callbacks = keras.tree.flatten(callbacks or [])
        if not any(isinstance(callback, StopWhenDiverged) for callback in callbacks):
            callbacks.insert(0, StopWhenDiverged())
        arrays = self._examples(x)
        if arrays and validation_split and validation_data is None:
            split = int(len(arrays[0]) * (1.0 - validation_split))
            arrays, validation_data = _rows(arrays, 0, split), _rows(arrays, split, None)
            validation_split = 0.0
        if validation := _as_arrays(validation_data):
            validation_data = self._shared_validation_batches(validation)
        if arrays:
            batch_size, devices = batch_size or self.batch_size, num_devices()
            if batch_size % devices:
                raise ValueError(
                    f"Devices share a batch equally. Received: batch_size={batch_size} for {devices} devices"
                )
            x = SeededBatches(arrays, batch_size, steps_per_epoch, self.seed, shuffle=kwargs.get("shuffle", True))
            batch_size = steps_per_epoch = None
        if isinstance(x, SeededBatches):
            callbacks.insert(0, x.follow_epochs())
            kwargs["shuffle"] = False  # Keras would mix an epoch's batches again, by Python's global `random`
        own_buffers = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self._own_buffers())
        swaps = [
            index for index, callback in enumerate(callbacks) if isinstance(callback, keras.callbacks.SwapEMAWeights)
        ]
        for index in reversed(swaps):
            callbacks.insert(index + 1, own_buffers)
        try:
            return super().fit(
                x, batch_size=batch_size, steps_per_epoch=steps_per_epoch, validation_split=validation_split,
                validation_data=validation_data, callbacks=callbacks, **kwargs,
            )  # fmt: skip
        finally:
            self._own_buffers()

    def evaluate(
        self, x: Any, y: None = None, batch_size: int | None = None, *, sample_weight: None = None, **kwargs: Any
    ) -> Any:
        """As `keras.Model.evaluate`.

        Args:
            x: As for `fit`, or what `validation_batches` makes.
            y: `None`.
            batch_size: Integer, for arrays. The loss does not depend on it.
            sample_weight: `None`.
            **kwargs: See `keras.Model.evaluate`.

        Returns:
            The loss, or it and the metrics.

        Raises:
            ValueError: If there are targets or weights, or the model is not compiled.
        """
        self.refuse(y=y, sample_weight=sample_weight)
        if not self.compiled:  # Keras says so on two of three backends
            raise ValueError("You must call `compile()` before using the model.")
        if batch_size is not None:
            check_integer("batch_size", batch_size, 1)
        if arrays := self._examples(x):
            x, batch_size = self._shared_validation_batches(arrays, batch_size), None
        try:
            return super().evaluate(x, batch_size=batch_size, **kwargs)
        finally:
            self._put_state_back()

    def predict(self, x: Any, **kwargs: Any) -> Any:
        try:
            return super().predict(x, **kwargs)
        finally:
            self._put_state_back()

    def save(self, filepath: str | Path, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.save`, without the legacy HDF5, from which Keras could not load the model again."""
        if str(filepath).endswith((".h5", ".hdf5")):
            raise ValueError(
                "A whole model is saved as .keras, its weights by `save_weights` as .weights.h5. "
                f"Received: filepath={filepath}"
            )
        super().save(filepath, *args, **kwargs)

    def check_export(self, format: str) -> None:
        """Refuses a format that Keras cannot write on this backend."""
        if keras.backend.backend() == "torch" and format == "tf_saved_model":
            raise ValueError(
                "Keras writes no SavedModel of this model from PyTorch: name another format, or another backend. "
                f"Received: format={format!r}"
            )

    def check_examples(self, *arrays: Any) -> None:
        """Refuses arrays that are no examples; a child may have rules of its own."""
        if not len(arrays[0]):
            raise ValueError("There must be at least one example. Received: an empty array")

    def refuse(self, **arguments: Any) -> None:
        """Refuses what a model with its own loss and equal examples cannot take.

        Args:
            **arguments: What must be `None`, by name.

        Raises:
            ValueError: If one is not.
        """
        for name, value in arguments.items():
            if value is not None:
                raise ValueError(
                    f"{type(self).__name__} has its own targets and weighs all examples alike. "
                    f"Received: {name} of type {type(value).__name__}"
                )

    def update_metrics(self, target: Any, prediction: Any) -> None:
        """Shows the metrics of `compile` what they compare; `compute_loss` calls it."""
        self._metrics_updated = True
        super().compute_metrics(None, target, prediction)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: None = None) -> dict[str, Any]:
        if not self._metrics_updated:  # Keras creates the metrics' variables by this call
            self.compute_loss(x, y, y_pred, training=False)
        return self.get_metrics_result()

    def make_train_function(self, force: bool = False) -> None:
        """As Keras's, but that JAX on one device takes `steps_per_execution` steps in one compiled call."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)  # of one that scales the loss
        if isinstance(optimizer, AveragingAdam):
            optimizer.take_up(self.trainable_variables)
        if self.train_function is not None and not force:
            return
        super().make_train_function(force)
        compiled = keras.backend.backend() == "jax" and self.jit_compile and not self.run_eagerly
        if compiled and self.steps_per_execution > 1 and keras.distribution.distribution() is None:
            self.train_function = scanned_steps(self.train_step, self.steps_per_execution)

    def quantize(self, mode: Any = None, **kwargs: Any) -> None:
        """Refuses: a quantized network cannot be built again from the model's config."""
        raise ValueError(
            f"{type(self).__name__} keeps the weights it was trained with; to predict alone, quantize its network. "
            f"Received: mode={mode}"
        )

    # What follows is for JAX. Keras takes the variables' values away while it works, donates their buffers, and where a
    # step fails does not give back what it took: the model would be lost.

    def _own_buffers(self):
        """Parts weights and moving average, which Keras makes share buffers: donating one would take both."""
        if keras.backend.backend() == "jax":
            for variable in self.trainable_variables:
                variable.assign(ops.copy(variable))

    def _purge_model_variables(self, **kwargs):
        pass

    def jax_state_sync(self) -> None:
        super().jax_state_sync()
        self._jax_state = None  # Keras would give it back once more in a later call

    def _put_state_back(self):
        if keras.backend.backend() == "jax":
            self.jax_state_sync()

    def _examples(self, x):
        """NumPy arrays of examples; an empty tuple for a data set."""
        if arrays := _as_arrays(x):
            self.check_examples(*arrays)
        elif x is None or isinstance(x, str | dict | list | tuple):
            raise ValueError(
                "Examples are an array, a pair of arrays, or a data set of batches of them. "
                f"Received: x of type {type(x).__name__}"
            )
        return arrays

    def _shared_validation_batches(self, arrays, batch_size=None):
        batches = self.validation_batches(*_rows(arrays, 0, len(arrays[0]) - len(arrays[0]) % num_devices()))
        batches.batch_size = batch_size or batches.batch_size
        return batches


def num_devices() -> int:
    """Returns how many devices `keras.distribution` spreads a batch over."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.num_model_replicas


def _as_arrays(data):
    """NumPy arrays of an array or a pair of them; an empty tuple for a data set."""
    parts = data if isinstance(data, (tuple, list)) else (data,)
    return tuple(ops.convert_to_numpy(part) for part in parts) if all(hasattr(p, "shape") for p in parts) else ()


def _rows(arrays, first, end):
    return tuple(array[first:end] for array in arrays)
