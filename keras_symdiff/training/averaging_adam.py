"""Adam with a moving average of the weights that training goes on beside."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_symdiff")
class AveragingAdam(keras.optimizers.Adam):
    """Adam that ends `fit` with the moving average in the model, and starts the next one where the last one stopped.

    Keras's optimizers overwrite the trained weights with their average, so that two epochs and two more are not four.
    Here weights and average change places: the model holds the average, the optimizer the trained weights.

    Args:
        *args: See `keras.optimizers.Adam`.
        use_ema: Whether there is a moving average.
        **kwargs: See `keras.optimizers.Adam`, such as `ema_momentum`.

    Example:
        >>> model.compile(AveragingAdam(1e-3, ema_momentum=0.999))
    """

    def __init__(self, *args: Any, use_ema: bool = True, **kwargs: Any):
        super().__init__(*args, use_ema=use_ema, **kwargs)
        self.trained_weights_here = False  # in the place of the average

    def finalize_variable_values(self, var_list: Sequence) -> None:
        """Puts the average into the model; Keras calls this at the end of `fit`."""
        if self.use_ema and not self.trained_weights_here and int(self.iterations):
            self._change_places(var_list)

    def take_up(self, variables: Sequence) -> None:
        """Puts the trained weights back into the model, to train on.

        Args:
            variables: The model's trainable variables.

        Raises:
            ValueError: If others are trainable than those that were trained.
        """
        if self.trained_weights_here:
            trained = self._model_variables_moving_average
            if len(variables) != len(trained):
                raise ValueError(
                    "After a change of `trainable`, compile the model again. "
                    f"Received: {len(variables)} trainable variables, where {len(trained)} were trained"
                )
            self._change_places(variables)

    def _change_places(self, variables):
        # By way of NumPy: on JAX two variables that share a buffer would be lost when one is donated.
        for variable, average in zip(variables, self._model_variables_moving_average, strict=True):
            held = ops.convert_to_numpy(variable)
            variable.assign(ops.convert_to_numpy(average))
            average.assign(held)
        self.trained_weights_here = not self.trained_weights_here

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        if self.trained_weights_here:
            store["trained_weights_here"] = True

    def load_own_variables(self, store: Any) -> None:
        self.trained_weights_here = "trained_weights_here" in store
        numbered = set(store.keys()) - {"trained_weights_here"}
        super().load_own_variables({name: store[name] for name in numbered})
