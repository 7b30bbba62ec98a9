"""The optimizer of both models."""

import keras


def paper_optimizer(learning_rate, ema_momentum=0.9999):
    """Adam with clipping at global norm 1 and a moving average of the weights (section 4.3 of the paper, its code).

    Args:
        learning_rate: float.
        ema_momentum: float. Defaults to 0.9999.

    Returns:
        `keras.optimizers.Adam`.
    """
    return keras.optimizers.Adam(
        learning_rate, global_clipnorm=1.0, use_ema=True, ema_momentum=ema_momentum, ema_overwrite_frequency=None
    )
