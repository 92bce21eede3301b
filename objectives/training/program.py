"""One compiled program for all trials of a structure: a whole epoch in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from objectives.training.structure import from_keras

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import Logs

Parts = tuple[tf.Tensor, ...]  # (x, y) or (x, y, weight)

# A shuffled copy of the table, made by one call of TensorFlow, is faster than XLA's own gather in
# every step. Above this many bytes, the copy is not made.
COPIED = 256_000_000
# Random operations without a state of their own: their numbers could not be repeated.
UNSEEDED = {
    "RandomUniform",
    "RandomUniformInt",
    "RandomStandardNormal",
    "TruncatedNormal",
    "RandomShuffle",
    "Multinomial",
    "RandomGamma",
    "RandomPoissonV2",
}


class Unsupported(RuntimeError):
    """The model's epoch cannot be one program. The message is one line that says why."""


class Program:
    """One structure's epoch as one XLA program, and the model whose variables are its state.

    The model is the first trial's own, unchanged: callbacks may use it. Tracing happens here,
    compilation in the first `run`. Raises what the model's own code raises, or Unsupported.

    traces: of all programs of this process, to be watched by tests.
    """

    traces = 0

    def __init__(
        self, model: keras.Model, batch: int, rows: int, train: Parts, validation: Parts
    ) -> None:
        self.model = model
        self.batch = batch
        self.train = train
        self.validation = validation
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        model.test_step(tuple(part[:2] for part in train))  # builds metrics and loss
        self._slots = [(slot, slot.numpy()) for slot in optimizer.variables]
        self._decay = None
        if isinstance(optimizer.weight_decay, (int, float)):
            self._decay = tf.Variable(optimizer.weight_decay, dtype=keras.config.floatx())
        self._copied = sum(part.dtype.size * part.shape.num_elements() for part in train) <= COPIED
        self._epoch = self._traced(rows)

    def start(self, model: keras.Model) -> None:
        """Take the initial state of a fresh model of the same structure; reset the rest."""
        mine, theirs = self.model.optimizer, model.optimizer
        if from_keras(type(theirs)):  # its slots begin alike: no need to make them anew
            for slot, value in self._slots:
                slot.assign(value)
            if isinstance(mine.learning_rate, keras.Variable):
                mine.learning_rate.assign(theirs.learning_rate)
        else:
            theirs.build(model.trainable_variables)
            _copy(theirs.variables, mine.variables)
        _copy(model.variables, self.model.variables)
        if self._decay is not None:
            self._decay.assign(theirs.weight_decay)
            mine.weight_decay = theirs.weight_decay
        self.model.stop_training = False

    def run(self, rows: NDArray[np.int64]) -> Logs:
        """Train one epoch in this order of the rows, then validate; return Keras's logs."""
        train = tuple(tf.gather(part, rows) for part in self.train) if self._copied else self.train
        logs, validation = self._epoch(train, self.validation, tf.constant(rows))
        found = {name: float(value) for name, value in logs.items()}
        return found | {f"val_{name}": float(value) for name, value in validation.items()}

    def _traced(self, rows: int) -> Any:
        """Return the epoch's concrete function."""
        optimizer, number = self.model.optimizer, self.model.optimizer.weight_decay
        if self._copied:
            train = tuple(tf.TensorSpec((rows, *p.shape[1:]), p.dtype) for p in self.train)
        else:
            train = tuple(tf.TensorSpec(p.shape, p.dtype) for p in self.train)
        validation = tuple(tf.TensorSpec(p.shape, p.dtype) for p in self.validation)
        order = tf.TensorSpec((rows,), tf.int64)
        epoch = tf.function(self._whole_epoch, jit_compile=True, autograph=False)
        try:
            if self._decay is not None:
                optimizer.weight_decay = self._decay  # a number would become a constant
            traced = epoch.get_concrete_function(train, validation, order)
        finally:
            optimizer.weight_decay = number
        self._check(traced.graph)
        return traced

    def _whole_epoch(self, train: Parts, validation: Parts, order: tf.Tensor) -> tuple[Any, Any]:
        Program.traces += 1
        model, batch = self.model, self.batch

        def rows(parts: Parts, start: Any, count: int) -> Parts:
            return tuple(
                tf.slice(part, [start, *[0] * (part.shape.rank - 1)], [count, *part.shape[1:]])
                for part in parts
            )

        def picked(parts: Parts, start: Any, count: int) -> Parts:
            if self._copied:
                return rows(parts, start, count)
            chosen = tf.slice(order, [start], [count])
            return tuple(tf.gather(part, chosen) for part in parts)

        model.reset_metrics()
        _steps(lambda *at: model.train_step(picked(train, *at)), order.shape[0], batch)
        logs = model.get_metrics_result()
        model.reset_metrics()
        _steps(lambda *at: model.test_step(rows(validation, *at)), validation[0].shape[0], batch)
        return logs, model.get_metrics_result()

    def _check(self, graph: Any) -> None:
        """Raise Unsupported if the program holds state that `start` cannot reset."""
        model = self.model
        known = {
            id(variable.value)
            for variable in (
                *model.variables,
                *model.metrics_variables,
                *model.optimizer.variables,
            )
        }
        for variable in graph.variables:
            if id(variable) not in known | {id(self._decay)}:
                raise Unsupported(f"the variable {variable.name} is not the model's own")
        definition = graph.as_graph_def()
        nodes = [definition.node, *(function.node_def for function in definition.library.function)]
        found = {node.op for each in nodes for node in each} & UNSEEDED
        if found:
            raise Unsupported(f"random numbers without a seed of the model: {min(found)}")


def _steps(step: Callable[[Any, int], object], rows: int, batch: int) -> None:
    """Take a step for every batch (its start and rows); a short last one has its own shape."""
    full, rest = divmod(rows, batch)
    if full == 1:
        step(0, batch)
    elif full:

        def body(i: Any) -> Any:
            step(i * batch, batch)
            return i + 1

        tf.while_loop(lambda i: i < full, body, [tf.constant(0)], parallel_iterations=1)
    if rest:
        step(full * batch, rest)


def _copy(source: list[Any], target: list[Any]) -> None:
    for new, variable in zip(source, target, strict=True):
        variable.assign(new)
