"""Guidance by the phrases around and by conditions: no second network."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from jaxtyping import Float
from keras import ops

from keras_symdiff.layers.transformer_block import TransformerBlock
from keras_symdiff.music.condition import CONDITION_DIM, PARTS

# Of those that were tried, what suits new pieces and infills both: guided at all levels, pieces lose their variety, and
# near level 1 phrases that are to be equal are driven apart (docs/results/attempts.md).
GUIDED_LEVELS = (0.7, 0.95)
# Guidance is away from not hearing the harmony. Density and register are asked for by number: away from not being told
# them too, pieces overshoot by twice what is asked. The plan of repeats needs none: ties and `CopyAttention` keep it.
ALWAYS_TOLD = np.ones(CONDITION_DIM, "float32")
ALWAYS_TOLD[PARTS["chroma"]] = 0.0


class Guidance(keras.layers.Layer):
    """A denoiser that follows the phrases around, or what it is told, more than it was trained to.

    With `told` and `untold` what the network predicts with a condition and with its harmony hidden, and `alone` what it
    predicts with the condition when each position of its transformer blocks attends to itself only, this predicts

        told + (condition_scale - 1) (told - untold) + context (told - alone)

    the last term at noise levels in `GUIDED_LEVELS` only, where the network is called once more. `CopyAttention` still
    hears all phrases there. `told` and `untold` come from one call with twice the batch.

    Args:
        denoiser: `TransformerDenoiser`.
        context: At least 0. 0 leaves the term out.

    Call arguments:
        inputs: `[x_t, noise_level]` or `[x_t, noise_level, condition]`, as of the denoiser. All phrases have one noise
            level, but for given ones, whose level is 1.
        condition_scale: Tensor of shape `(1,)`, at least 0: 0 does not hear the condition. Defaults to `None`, which
            leaves the term out, as 1 does.

    Returns:
        Tensor of shape `(B, L, D)`: the predicted noise.

    Raises:
        ValueError: If there is to be guidance by context and the denoiser has no `TransformerBlock`.

    Example:
        >>> guided = Guidance(TransformerDenoiser(), context=1.0)
        >>> noise = guided([x_t, ops.array([[0.8]])])  # (1, 32, 42)

    Reference:
        - [Ho and Salimans, 2022](https://arxiv.org/abs/2207.12598): guidance without a classifier.
        - [Ahn et al., 2024](https://arxiv.org/abs/2403.17377): guidance by perturbed attention.
        - [Kynkäänniemi et al., 2024](https://arxiv.org/abs/2404.07724): guidance in an interval of noise levels.
    """

    def __init__(self, denoiser: keras.Model, context: float = 0.0, **kwargs: Any):
        super().__init__(dtype="float32", **kwargs)
        self.denoiser = denoiser
        self.context = context
        if context:
            if not any(isinstance(layer, TransformerBlock) for layer in denoiser.layers):
                raise ValueError(f"Guidance by context is for a `TransformerDenoiser`. Received: {denoiser}")
            self.alone = keras.models.clone_model(
                denoiser, clone_function=lambda layer: layer, call_function=_call_alone
            )
        self.built = True

    def call(self, inputs: Sequence, training: bool = False, condition_scale: Any = None) -> Float[Any, "B L D"]:
        if condition_scale is not None:
            x, level, condition = inputs
            conditions = ops.concatenate([condition, ops.multiply(condition, ALWAYS_TOLD)])
            both = self.denoiser(
                [ops.concatenate([x, x]), ops.concatenate([level, level]), conditions], training=training
            )
            told, untold = ops.split(both, 2)
            epsilon = told + (condition_scale - 1.0) * (told - untold)
        else:
            epsilon = told = self.denoiser(inputs, training=training)
        if not self.context:
            return epsilon

        def guided():
            return epsilon + self.context * (told - self.alone(inputs, training=training))

        lowest, highest = GUIDED_LEVELS
        level = ops.min(inputs[1])
        inside = ops.logical_and(level >= lowest, level <= highest)
        return ops.cond(inside, guided, lambda: epsilon)


def _call_alone(layer, *args, **kwargs):
    if isinstance(layer, TransformerBlock):
        kwargs["attend"] = False
    return layer(*args, **kwargs)
