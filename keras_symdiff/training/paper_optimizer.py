"""The optimizer of both models."""

from keras_symdiff.training.averaging_adam import AveragingAdam


def paper_optimizer(learning_rate: float, ema_momentum: float = 0.9999) -> AveragingAdam:
    """Adam with clipping at global norm 1 and a moving average of the weights (section 4.3 of the paper, its code).

    Args:
        learning_rate: Of the first step.
        ema_momentum: Of the moving average.

    Returns:
        The optimizer.
    """
    return AveragingAdam(learning_rate, global_clipnorm=1.0, ema_momentum=ema_momentum, ema_overwrite_frequency=None)
