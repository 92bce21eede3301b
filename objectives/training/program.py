"""One compiled program for all trials of a structure: a whole epoch in one call."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from objectives.training.naming import stably_named
from objectives.training.recurrent import weights_read_once
from objectives.training.structure import from_keras, keras_alone
from objectives.training.traces import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import Logs

Parts = tuple[tf.Tensor, ...]  # (x, y) or (x, y, weight)

# Where it changes no result, validation takes up to this many rows, and numbers in x, at once.
WIDE = 1024
WIDE_NUMBERS = 1_000_000
# Random operations without a state of the model: their numbers could not be repeated.
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

    batch: rows of a step. rows: of an epoch, among those of `train`. kept: the file of its trace.
    traces: of all programs of this process, to be watched by tests.
    """

    traces = 0

    def __init__(
        self,
        model: keras.Model,
        batch: int,
        rows: int,
        train: Parts,
        validation: Parts,
        kept: Path | None = None,
    ) -> None:
        self.model = model
        self.batch = batch
        self.train = tuple(map(words, train))
        self.validation = validation
        self._rows = [(part.dtype, part.shape[1:]) for part in train]
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        model.test_step(tuple(part[:2] for part in train))  # builds metrics and loss
        self._slots = [(slot, slot.numpy()) for slot in optimizer.variables]
        self._decay = None
        if isinstance(optimizer.weight_decay, (int, float)):
            self._decay = tf.Variable(optimizer.weight_decay, dtype=keras.config.floatx())
        self.compiled = False
        own = (*model.variables, *model.metrics_variables, *optimizer.variables)
        self._state = [variable.value for variable in own]
        self._state += [self._decay] if self._decay is not None else []
        names = set(model.get_metrics_result())
        trace = Trace.read(kept, self._state, names) if kept else None
        if trace is None:
            trace = self._traced(rows)
            if kept:
                trace.write(kept, self._state)
        self._epoch = trace.function()

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

    def run(self, rows: NDArray[Any]) -> Logs:
        """Train one epoch in this order of the rows, then validate; return Keras's logs."""
        logs, validation = self._epoch(self.train, self.validation, tf.constant(rows, tf.int32))
        self.compiled = True
        found = {name: float(value) for name, value in logs.items()}
        return found | {f"val_{name}": float(value) for name, value in validation.items()}

    def _traced(self, rows: int) -> Trace:
        """Trace the compiled epoch: (train, validation, order) -> both dicts of logs."""
        optimizer, number = self.model.optimizer, self.model.optimizer.weight_decay
        train, validation = (
            tuple(tf.TensorSpec(part.shape, part.dtype) for part in parts)
            for parts in (self.train, self.validation)
        )
        epoch = tf.function(self._whole_epoch, jit_compile=True, autograph=False)
        try:
            if self._decay is not None:
                optimizer.weight_decay = self._decay  # a number would become a constant
            with weights_read_once(self.model):
                traced = epoch.get_concrete_function(
                    train, validation, tf.TensorSpec((rows,), tf.int32)
                )
        finally:
            optimizer.weight_decay = number
        self._check(traced.graph)
        logs, validation = traced.structured_outputs
        names = sorted(logs), sorted(validation)  # as TensorFlow flattens dicts
        return Trace(stably_named(traced), list(traced.captured_inputs), names)

    def _whole_epoch(self, train: Parts, validation: Parts, order: tf.Tensor) -> tuple[Any, Any]:
        Program.traces += 1
        model = self.model

        def shuffled(start: Any, count: int) -> Parts:
            chosen = tf.slice(order, [start], [count])
            taken = [tf.gather(part, chosen) for part in train]
            return tuple(
                part if part.dtype == dtype else tf.reshape(tf.bitcast(part, dtype), (-1, *shape))
                for part, (dtype, shape) in zip(taken, self._rows, strict=True)
            )

        def in_turn(start: Any, count: int) -> Parts:
            return tuple(
                tf.slice(part, [start, *[0] * (part.shape.rank - 1)], [count, *part.shape[1:]])
                for part in validation
            )

        model.reset_metrics()
        _steps(lambda *at: model.train_step(shuffled(*at)), order.shape[0], self.batch)
        logs = model.get_metrics_result()
        model.reset_metrics()
        rows, wide = validation[0].shape[0], self.batch
        if rowwise(model):
            most = min(WIDE, WIDE_NUMBERS // math.prod(validation[0].shape[1:]))
            even = math.ceil(rows / math.ceil(rows / max(most, 1)))  # at best, no short last one
            wide = max(self.batch, even)
        _steps(lambda *at: model.test_step(in_turn(*at)), rows, wide)
        return logs, model.get_metrics_result()

    def _check(self, graph: Any) -> None:
        """Raise Unsupported if the program holds state that `start` cannot reset."""
        known = set(map(id, self._state))
        for variable in graph.variables:
            if id(variable) not in known:
                raise Unsupported(f"the variable {variable.name} is not the model's own")
        definition = graph.as_graph_def()
        nodes = [definition.node, *(function.node_def for function in definition.library.function)]
        found = {node.op for each in nodes for node in each} & UNSEEDED
        if found:
            raise Unsupported(f"random numbers without a seed of the model: {min(found)}")


def words(part: tf.Tensor) -> tf.Tensor:
    """Return the same bytes, each row as 64-bit words if that is possible.

    XLA gathers element by element, so half as many cost half as much; the digits stay.
    """
    size, numbers = part.dtype.size, math.prod(part.shape[1:])
    plain = part.dtype.is_floating or part.dtype.is_integer
    if not plain or size >= 8 or numbers * size % 8:
        return part
    return tf.bitcast(tf.reshape(part, (-1, numbers * size // 8, 8 // size)), tf.int64)


def rowwise(model: keras.Model) -> bool:
    """Return whether losses and metrics are sums over rows, however the rows are cut in batches.

    So it is where all are Keras's own and losses are averaged over the batch. Steps of a sequence
    that a mask hides are not: Keras divides by their number in the batch.
    """
    if not keras_alone(model) or any(getattr(layer, "stateful", False) for layer in model.layers):
        return False
    losses = keras.tree.flatten(model.loss)
    averaged = [
        isinstance(loss, str) or getattr(loss, "reduction", "") == "sum_over_batch_size"
        for loss in losses
    ]
    return all(averaged) and all(len(output.shape) <= 2 for output in model.outputs)


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
