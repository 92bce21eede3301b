"""One epoch of `fit` as one traced function: train in batches of a given order, then validate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from objectives.training.inputs import Inputs
from objectives.training.naming import canonical
from objectives.training.output_losses import batches_weigh_the_same
from objectives.training.recurrent import weights_read_once
from objectives.training.tensors import Tensors
from objectives.training.traces import Trace

Parts = tuple[tf.Tensor, ...]  # of x, of y and of weights, one after the other
Step = Callable[[Any, int], Any]
Outputs = dict[str, tf.Tensor]

# What a step's logs and the metrics' results come from. Where all are Keras's own, they agree.
STEPS = ("train_step", "test_step", "compute_metrics", "get_metrics_result", "metrics")


class Unsupported(RuntimeError):
    """The model's epoch cannot be traced as a whole. The message is one line that says why."""


def full_and_short(rows: int, batch: int) -> tuple[int, int]:
    """Return the number of full batches, and 1 if a short one is left, else 0."""
    full, rest = divmod(rows, batch)
    return full, int(rest > 0)


def trace(
    model: keras.Model,
    train: Tensors,
    validation: Tensors,
    order: int,
    batch: int,
    wide: int,
    inputs: Inputs,
) -> Trace:
    """Trace a whole epoch of a compiled model.

    The function takes the training part, the validation part, the order of the rows, the number
    of steps that each of its four loops takes (training on full batches and on a short last one,
    and validation alike), and the values of `inputs`. It returns two dicts of logs.

    Args:
        model: Its variables are captured, so that the epoch trains this model.
        train: All training rows, which the function takes as `words` packs them.
        validation: All validation rows.
        order: Number of training rows in one epoch.
        batch: Rows of a training step.
        wide: Rows of a validation step.
        inputs: Numbers that would otherwise become constants.

    Raises:
        Unsupported: A step returns something else than a dict of numbers.
        Exception: Whatever the model's own code raises.
    """
    own = all(from_keras(model, name) for name in STEPS)

    def epoch(given: Any, shown: Any, order: Any, limits: Any, numbers: Any) -> tuple[Any, Any]:
        def shuffled(start: Any, count: int) -> Any:
            chosen = tf.slice(order, [start], [count])
            parts = (Packed(part, of) for part, of in zip(given, rows, strict=True))
            return model.train_step(train.pack(part.rows(chosen) for part in parts))

        def in_turn(start: Any, count: int) -> Any:
            return model.test_step(validation.pack(rows_of(part, start, count) for part in shown))

        taking = inputs.given(numbers)
        with taking, weights_read_once(model), batches_weigh_the_same(model):
            model.reset_metrics()
            last = steps(shuffled, order.shape[0], batch, limits[:2], own)
            logs = logs_of(model, last)
            model.reset_metrics()
            last = steps(in_turn, shown[0].shape[0], wide, limits[2:], own)
            return logs, logs_of(model, last)

    rows = [(part.dtype, part.shape[1:]) for part in train.flat]
    specs = [
        tuple(tf.TensorSpec(part.shape, part.dtype) for part in parts)
        for parts in (map(words, train.flat), validation.flat)
    ]
    # Under XLA's rules loops know their largest length, which costs a graph nothing.
    function = tf.function(epoch, jit_compile=True, autograph=False)
    traced = function.get_concrete_function(
        *specs,
        tf.TensorSpec((order,), tf.int32),
        tf.TensorSpec((4,), tf.int32),
        tf.TensorSpec((len(inputs.values),), tf.float64),
    )
    return of_function(traced, tuple(sorted(logs) for logs in traced.structured_outputs))


def of_function(traced: Any, names: tuple[list[str], ...]) -> Trace:
    """Return a concrete function as a trace. names: of its outputs, in order, dict by dict."""
    functions, digest = canonical(traced)
    variables = {id(variable.handle): variable for variable in traced.graph.variables}
    return Trace(digest, functions, names, list(traced.captured_inputs), variables)


def rows_of(part: tf.Tensor, start: Any, count: Any) -> tf.Tensor:
    """Return so many rows, from one on."""
    return tf.slice(part, [start, *[0] * (part.shape.rank - 1)], [count, *part.shape[1:]])


class Packed:
    """A part of the training rows, as `words` has packed it."""

    def __init__(self, part: tf.Tensor, rows: tuple[tf.DType, tf.TensorShape]) -> None:
        self._part = part
        self._dtype, self._shape = rows

    def rows(self, chosen: tf.Tensor) -> tf.Tensor:
        """Return the chosen rows, unpacked."""
        taken = tf.gather(self._part, chosen)
        if taken.dtype == self._dtype:
            return taken
        return tf.reshape(tf.bitcast(taken, self._dtype), (-1, *self._shape))


def words(part: tf.Tensor) -> tf.Tensor:
    """Return the same bytes, each row as 64-bit words if that is possible.

    XLA gathers element by element, so half as many cost half as much; the digits stay.
    """
    size, numbers = part.dtype.size, math.prod(part.shape[1:])
    plain = part.dtype.is_floating or part.dtype.is_integer
    if not plain or size >= 8 or numbers * size % 8:
        return part
    return tf.bitcast(tf.reshape(part, (-1, numbers * size // 8, 8 // size)), tf.int64)


def from_keras(model: keras.Model, name: str) -> bool:
    """Return whether a model has Keras's own method or property of that name."""
    mine = getattr(type(model), name)
    return name not in vars(model) and mine is getattr(keras.Model, name)


def steps(step: Step, rows: int, batch: int, limits: tf.Tensor, own: bool) -> Outputs | None:
    """Take a step for every batch; a short last one has its own shape.

    Returns:
        What the last step returned, or None where that is the metrics' results anyway.
    """
    last: Outputs | None = None
    full = rows // batch * batch
    for at, (start, count) in enumerate(((0, batch), (full, rows - full))):
        if not count or start >= rows or (at == 0 and not full):
            continue
        take = step if own else _flat(step, count)
        last = _loop(take, start, count, limits[at], last)
    return last


def _flat(step: Step, count: int) -> Step:
    """Return a step as a function of its own, which returns one flat dict of tensors."""

    def flat(start: Any) -> Outputs:
        return dict(_flattened(step(start, count)))

    traced = tf.function(flat, autograph=False).get_concrete_function(tf.TensorSpec((), tf.int32))

    def take(start: Any, _: int) -> Any:
        return traced(start)

    take.outputs = traced.structured_outputs  # type: ignore[attr-defined]
    return take


def _flattened(logs: Any) -> list[tuple[str, Any]]:
    """Return the items of logs as Keras flattens them."""
    if not isinstance(logs, Mapping):
        raise Unsupported(f"a step of the model returns {type(logs).__name__} in place of a dict")
    found = []
    for name, value in sorted(logs.items()):
        inner = _flattened(value) if isinstance(value, Mapping) else [(name, value)]
        found += [(each, tf.convert_to_tensor(held)) for each, held in inner]
    return found


def _loop(
    step: Step, start: int, count: int, limit: tf.Tensor, before: Outputs | None
) -> Outputs | None:
    """Take steps of one shape, as many as the limit says; carry what the last one returned."""
    outputs = getattr(step, "outputs", None)
    if outputs is None:

        def body(i: Any) -> Any:
            step(start + i * count, count)
            return i + 1

        tf.while_loop(lambda i: i < limit, body, [tf.constant(0)], parallel_iterations=1)
        return None
    logs = before or {name: tf.zeros(like.shape, like.dtype) for name, like in outputs.items()}

    def carrying(i: Any, _: Outputs) -> Any:
        return i + 1, step(start + i * count, count)

    _, last = tf.while_loop(
        lambda i, _: i < limit, carrying, [tf.constant(0), logs], parallel_iterations=1
    )
    return dict(last)


def logs_of(model: keras.Model, last: Outputs | None) -> Outputs:
    """Return an epoch's logs as `fit` chooses them: of the metrics, or what a step returned."""
    metrics = dict(_flattened(model.get_metrics_result()))
    return metrics if last is None or set(last) == set(metrics) else last
