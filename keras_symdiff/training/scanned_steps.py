"""Several training steps in one call of JAX."""

import itertools
from collections.abc import Callable


def scanned_steps(train_step: Callable, steps: int) -> Callable:
    """Makes a train function for `keras.Model.fit` on JAX that takes several steps in one compiled call.

    Keras 3.15 calls its compiled step once per batch, whatever `steps_per_execution` is: on a fast device, training
    then waits for the host.

    Args:
        train_step: Keras's function `(state, batch) -> (logs, state)`.
        steps: batches per call; the last call of an epoch may have fewer.

    Returns:
        Function `(state, iterator of batches) -> (logs, state)`, the logs being those of the last step.
    """
    import jax  # not `keras.ops.scan`: donating the state's buffers is JAX's own

    def take(state, batches):
        def step(state, batch):
            logs, state = train_step(state, batch)
            return state, logs

        stacked = jax.tree.map(lambda *parts: jax.numpy.stack(parts), *batches)
        state, logs = jax.lax.scan(step, state, stacked)
        return jax.tree.map(lambda log: log[-1], logs), state

    compiled = jax.jit(take, donate_argnums=0)

    def train_function(state, iterator):
        batches = list(itertools.islice(iterator, steps))
        if not batches:
            raise StopIteration
        # Batches of one shape at once; that of an epoch's last batch may be another.
        for _, alike in itertools.groupby(batches, lambda batch: [part.shape for part in jax.tree.leaves(batch)]):
            logs, state = compiled(state, list(alike))
        return logs, state

    return train_function
