"""One trial's epoch, traced, run one way: as an XLA program or as a TensorFlow graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from objectives.training.environment import threads
from objectives.training.epoch import Parts, from_keras, full_and_short
from objectives.training.traces import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Program:
    """A traced epoch with the model, the data and the numbers that it runs on.

    Args:
        trace: Of the model that is to be trained.
        way: "xla" or "graph".
        arrays: The training part, packed by `words`, and the validation part.
        rows: Of an epoch, among those of the training part.
        batch: Rows of a training step.
        wide: Rows of a validation step.
        numbers: Values of the model's `Inputs`.
    """

    def __init__(
        self,
        trace: Trace,
        way: str,
        arrays: tuple[Parts, Parts],
        rows: int,
        batch: int,
        wide: int,
        numbers: list[float],
    ) -> None:
        self.trace = trace
        self.way = way
        self.wide = wide
        self._arrays = arrays
        self._full = [*full_and_short(rows, batch), *full_and_short(arrays[1][0].shape[0], wide)]
        self._numbers = tf.constant(numbers, tf.float64, (len(numbers),))
        self._call = trace.function(way)

    @property
    def steps_in_epoch(self) -> int:
        """Training steps of a full batch, at least 1."""
        return max(1, self._full[0])

    def other(self, way: str) -> Program:
        """Return the same program run another way."""
        made = object.__new__(Program)
        vars(made).update(vars(self))
        made.way, made._call = way, self.trace.function(way)
        return made

    def run(
        self, order: NDArray[Any], most: tuple[int, int] | None = None, stopped: bool = False
    ) -> dict[str, Any]:
        """Train one epoch in an order of the rows, then validate.

        Args:
            order: Positions of the rows.
            most: Full batches of training and of validation; a short last one is taken too.
            stopped: Train on the first batch alone, as `fit` does where `stop_training` is set
                before an epoch.

        Returns:
            Keras's logs: floats, and arrays where a metric has several values.
        """
        limits = list(self._full)
        if most is not None:
            limits[0], limits[2] = min(limits[0], most[0]), min(limits[2], most[1])
        if stopped:
            limits[:2] = [1, 0] if limits[0] else [0, 1]
        return self._run(order, limits)

    def steps(self, order: NDArray[Any], count: int) -> float:
        """Take some training steps; return the seconds that they took."""
        # Where one thread does all, its own time is not disturbed by other processes.
        clock = time.process_time if threads() == 1 else time.perf_counter
        started = clock()
        self._run(order, [min(count, self._full[0]), 0 if self._full[0] else 1, 0, 0])
        return clock() - started

    def _run(self, order: NDArray[Any], limits: list[int]) -> dict[str, Any]:
        given = tf.constant(order, tf.int32), tf.constant(limits, tf.int32), self._numbers
        logs, validation = self._call(*self._arrays, *given)
        found = {name: as_number(value) for name, value in logs.items()}
        return found | {f"val_{name}": as_number(value) for name, value in validation.items()}

    def saved(self) -> Callable[[], None]:
        """Return a function that gives all variables back the values that they have now."""
        state = self.trace.state
        before = [variable.read_value() for variable in state]

        def restore() -> None:
            for variable, value in zip(state, before, strict=True):
                variable.assign(value)

        return restore

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Give all variables back the values that they had before the block."""
        restore = self.saved()
        try:
            yield
        finally:
            restore()


def as_number(value: Any) -> Any:
    """Return a tensor as a float, or as an array where it has several values."""
    array = value.numpy()
    return float(array) if array.ndim == 0 else array


def variables(model: keras.Model) -> list[tf.Variable]:
    """Return the variables of a built model, of its metrics and of its optimizer, in order."""
    own = (*model.variables, *model.metrics_variables, *model.optimizer.variables)
    return [variable.value for variable in own]


def weights(model: keras.Model) -> list[NDArray[Any]]:
    """Return copies of a model's weights, as `get_weights` does in three times as long."""
    if not from_keras(model, "get_weights"):
        return model.get_weights()  # type: ignore[no-any-return]
    read = tf.raw_ops.ReadVariableOp
    held = [variable.value for variable in model.weights]
    return [np.array(read(resource=each.handle, dtype=each.dtype)) for each in held]
