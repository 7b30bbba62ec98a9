"""Guidance by the phrases around: no second network, no training."""

import keras
from keras import ops

from keras_symdiff.layers.transformer_block import TransformerBlock

# Of those that were tried, what suits new pieces and infills both: guided at all levels, pieces lose their variety, and
# near level 1 phrases that are to be equal are driven apart (docs/results/attempts.md).
GUIDED_LEVELS = (0.7, 0.95)


class ContextGuidance(keras.layers.Layer):
    """A denoiser whose phrases follow those around them more than it was trained to let them.

    At noise levels in `GUIDED_LEVELS` it predicts `epsilon + guidance (epsilon - epsilon_alone)`, where `epsilon_alone`
    is what the same network predicts when each position of its transformer blocks attends to itself only. That calls
    the network twice there. `CopyAttention` still hears all phrases.

    Args:
        denoiser: `TransformerDenoiser`.
        guidance: Float >= 0. 0 is the denoiser itself.

    Call arguments:
        inputs: pair `(x_t, noise_level)` as of the denoiser, of shapes `(B, L, D)` and `(B, 1)` or `(B, L)`. All
            phrases have one noise level, but for given ones, whose level is 1.

    Returns:
        Tensor of shape `(B, L, D)`: the predicted noise.

    Raises:
        ValueError: If the denoiser has no `TransformerBlock`.

    Example:
        >>> guided = ContextGuidance(TransformerDenoiser(), guidance=1.0)
        >>> noise = guided([x_t, ops.array([[0.8]])])  # (1, 32, 42)

    Reference:
        - [Ahn et al., 2024](https://arxiv.org/abs/2403.17377): guidance by perturbed attention.
        - [Kynkäänniemi et al., 2024](https://arxiv.org/abs/2404.07724): guidance in an interval of noise levels.
    """

    def __init__(self, denoiser, guidance, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        if not any(isinstance(layer, TransformerBlock) for layer in denoiser.layers):
            raise ValueError(f"Guidance is for a `TransformerDenoiser`. Received: {denoiser}")
        self.denoiser = denoiser
        self.alone = keras.models.clone_model(denoiser, clone_function=lambda layer: layer, call_function=_call_alone)
        self.guidance = guidance
        self.built = True

    def call(self, inputs, training=False):
        epsilon = self.denoiser(inputs, training=training)

        def guided():
            return epsilon + self.guidance * (epsilon - self.alone(inputs, training=training))

        lowest, highest = GUIDED_LEVELS
        level = ops.min(inputs[1])
        inside = ops.logical_and(level >= lowest, level <= highest)
        return ops.cond(inside, guided, lambda: epsilon)


def _call_alone(layer, *args, **kwargs):
    if isinstance(layer, TransformerBlock):
        kwargs["attend"] = False
    return layer(*args, **kwargs)
