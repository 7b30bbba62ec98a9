"""What the diffusion model and the autoregressive baseline share."""

from pathlib import Path
from typing import Any

import keras

from keras_symdiff.presets.preset_part import PresetModel
from keras_symdiff.training.own_loss_model import OwnLossModel
from keras_symdiff.training.paper_optimizer import paper_optimizer


class LatentModel(PresetModel, OwnLossModel):
    """A model of scaled latents: a network, and how the paper trains it.

    Args:
        seed: Seed of the order of batches and of the noise of training.
        **kwargs: Other keyword arguments of `keras.Model`, such as `name`.
    """

    learning_rate: float  # of the first step
    weights_origin = "weights as they are"

    def __init__(self, seed: int = 0, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.built = True

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """The paper's."""
        return paper_optimizer(self.learning_rate)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """The network."""
        return self.network(inputs, training=training)

    def export(self, filepath: str | Path, format: str = "tf_saved_model", **kwargs: Any) -> None:
        """As `keras.Model.export`, of the network."""
        self.check_export(format)
        self.network.export(filepath, format=format, **kwargs)


def network_config(network: keras.Model) -> dict[str, Any]:
    """Returns the arguments of a network that decide its shape, as a JSON-able dict."""
    return {k: v for k, v in network.get_config().items() if k not in ("name", "trainable", "dtype")}
