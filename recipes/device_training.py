"""Training with everything on the device: data, batches, and many steps in a call."""

import io
import math
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from keras_symdiff.write_atomically import write_atomically

WARM_UP = 0.03  # share of the run in which the learning rate rises


def rate_at(progress):
    """The learning rate's share of its peak: a short rise, then a cosine to a hundredth."""
    if progress < WARM_UP:
        return progress / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - WARM_UP) / (1 - WARM_UP))))


class DeviceTraining:
    """Trains a compiled Keras model of JAX on batches that the device draws itself.

    Args:
        model: Keras model, compiled with an optimizer that has a number for its learning rate, the peak.
        draw: function `(data, key) -> batch`, as `train_step` takes it, traced once.
        data: tree of arrays, put on the device.
        folder: path; a killed run goes on from its last checkpoint there.
        seed: int.
        steps_per_call: int.
        momentums: of moving averages of the weights, over a number of steps that lets them start from the first ones.

    Example:
    ```python
    training = DeviceTraining(model, draw, data, "runs/vae", momentums=(0.999,))
    training.run(steps=10_000, report=lambda training: print(training.steps, training.loss))
    model.set_weights(...)
    ```
    """

    def __init__(self, model, draw, data, folder, seed=0, steps_per_call=100, momentums=()):
        self.model = model
        self.momentums = tuple(momentums)
        self.steps_per_call = steps_per_call
        self.checkpoint = Path(folder) / "checkpoint.npz"
        self.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        self.data = jax.device_put(data)
        self.steps, self.first_step, self.loss, self.history = 0, 0, math.nan, []
        self.compile_seconds = 0.0
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        self.key = jax.random.key(seed)
        self.peak = float(optimizer.learning_rate)
        (rate,) = (i for i, v in enumerate(optimizer.variables) if v is optimizer._learning_rate)
        groups = self._groups()
        # Copies: a call donates its buffers, those of the variables are to stay.
        self.state = tuple([jnp.array(v.value, copy=True) for v in group] for group in groups)
        self.averages = [[jnp.array(w, copy=True) for w in self.state[0]] for _ in self.momentums]
        if self.checkpoint.exists():
            self._load()

        def take(state, averages, rate_now, data, key, steps_done):
            trainable, other, of_optimizer, metrics = state
            of_optimizer = [*of_optimizer[:rate], rate_now, *of_optimizer[rate + 1 :]]
            metrics = [jnp.zeros_like(metric) for metric in metrics]

            def step(carry, number):
                state, averages = carry
                logs, state = model.train_step(state, draw(data, jax.random.fold_in(key, number)))
                averages = [
                    [
                        a + (1.0 - jnp.minimum(momentum, number / (number + 10.0))) * (w - a)
                        for a, w in zip(average, state[0], strict=True)
                    ]
                    for momentum, average in zip(self.momentums, averages, strict=True)
                ]
                return (state, averages), logs

            numbers = steps_done + jnp.arange(steps_per_call)
            (state, averages), logs = jax.lax.scan(step, ((trainable, other, of_optimizer, metrics), averages), numbers)
            return state, averages, {name: log[-1] for name, log in logs.items()}

        self._take = jax.jit(take, donate_argnums=(0, 1))

    def _groups(self):
        model = self.model
        return (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )

    def run(self, steps=None, deadline=None, report=None, every=None):
        """Trains until `steps`, or until `deadline`, whichever comes first; the learning rate's fall follows both.

        Args:
            steps: int, of the whole run, or `None`.
            deadline: of `time.monotonic()`, in seconds, or `None`.
            report: function of this object, called `every` so many seconds and at the end; checkpoints are written
                before.
            every: seconds. Defaults to `None`: at the end only.
        """
        began, last, pending = None, time.monotonic(), None
        while True:
            now = time.monotonic()
            if (steps is not None and self.steps >= steps) or (deadline is not None and now >= deadline):
                break
            progress = 0.0 if steps is None else self.steps / steps
            if deadline is not None and began is not None:
                progress = max(progress, (now - began) / (deadline - began))
            rate = jnp.asarray(self.peak * rate_at(progress), "float32")
            number = jnp.asarray(self.steps, "int32")
            self.state, self.averages, logs = self._take(self.state, self.averages, rate, self.data, self.key, number)
            self.steps += self.steps_per_call
            if pending is not None:
                self._note(*pending)  # waits for the call before this one, so that one is always in line
            pending = self.steps, logs
            if began is None:
                jax.block_until_ready(logs)
                began = time.monotonic()  # compiling is no progress
                self.compile_seconds, self.first_step = began - now, self.steps
            elif report is not None and every is not None and time.monotonic() - last > every:
                self._note(*pending)
                pending, last = None, time.monotonic()
                self._save()
                report(self)
        if pending is not None:
            self._note(*pending)
        self.seconds = 0.0 if began is None else time.monotonic() - began
        self._save()
        if report is not None:
            report(self)

    def _note(self, steps, logs):
        logs = {name: float(log) for name, log in logs.items()}
        self.loss = logs["loss"]
        self.history.append({"step": steps, **logs})
        if not math.isfinite(self.loss):
            raise FloatingPointError(f"The loss is not finite. Received: loss={self.loss} at step {steps}")

    def weights(self, momentum=None):
        """The trainable weights, or one of their moving averages, as NumPy arrays."""
        group = self.state[0] if momentum is None else self.averages[self.momentums.index(momentum)]
        return [np.asarray(w) for w in group]

    def assign(self, momentum=None):
        """Gives the model the present weights, or one of their moving averages."""
        for variable, value in zip(self.model.trainable_variables, self.weights(momentum), strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.non_trainable_variables, self.state[1], strict=True):
            variable.assign(np.asarray(value))

    def _leaves(self):
        return jax.tree.leaves((self.state, self.averages))

    def _save(self):
        buffer = io.BytesIO()
        np.savez(buffer, *(np.asarray(leaf) for leaf in self._leaves()), steps=self.steps)
        write_atomically(self.checkpoint, buffer.getvalue())

    def _load(self):
        with np.load(self.checkpoint, allow_pickle=False) as archive:
            self.steps = int(archive["steps"])
            leaves = [jnp.asarray(archive[f"arr_{i}"]) for i in range(len(archive.files) - 1)]
        self.state, self.averages = jax.tree.unflatten(jax.tree.structure((self.state, self.averages)), leaves)
