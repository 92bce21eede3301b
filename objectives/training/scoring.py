"""What a model with kept weights scores and predicts: by Keras, or in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from objectives.structures import mapped, nested
from objectives.training.epoch import logs_of, of_function, rows_of
from objectives.training.epochs import fed
from objectives.training.inputs import Inputs
from objectives.training.metrics import build_metrics
from objectives.training.program import as_number, variables
from objectives.training.structure import structure
from objectives.training.tensors import Tensors
from objectives.training.traces import Trace, place

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from objectives.training import Logs

    Array = NDArray[Any]

WHOLE = "predictions"
Call = Callable[..., dict[str, Any]]
Make = Callable[[keras.Model, Tensors, int], Call]


class Scorer:
    """Scores by `evaluate` and `predict`."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model

    def evaluate(self, part: tuple[Any, ...], batch: int) -> Logs:
        """Return loss and metrics. part: x, perhaps y, and perhaps weights."""
        x, y, weight = (*mapped(fed, part), None, None)[:3]
        found: Logs = self.model.evaluate(
            x, y, batch, sample_weight=weight, verbose=0, return_dict=True
        )
        return found

    def predict(self, x: Any, batch: int) -> Any:
        """Return what the model predicts."""
        return self.model.predict(mapped(fed, x), batch, verbose=0)


class InOneCall(Scorer):
    """Scores a model that is all Keras's own, each part in one call.

    Keras takes the same steps, of the same rows each, but one call and one batch of a pipeline a
    step. So the digits are equal. Calls are kept on disk as the traces of epochs are.

    Args:
        model: Compiled.
        key: Of its structure.
    """

    def __init__(self, model: keras.Model, key: str) -> None:
        super().__init__(model)
        self._key = key
        self._calls: dict[str, Call] = {}

    def evaluate(self, part: tuple[Any, ...], batch: int) -> Logs:
        """Return loss and metrics. part: x, y and perhaps weights."""
        tensors = Tensors(part)
        build_metrics(self.model, tensors.pack(tensors.flat), batch)
        call = self._call(_evaluating, tensors, tensors.specs(), batch)
        return {name: as_number(value) for name, value in call(*tensors.flat).items()}

    def predict(self, x: Any, batch: int) -> Any:
        """Return what the model predicts."""
        tensors = Tensors((x,))
        call = self._call(_predicting, tensors, tensors.specs(any_rows=True), batch)
        return mapped(lambda tensor: tensor.numpy(), call(*tensors.flat)[WHOLE])

    def _call(
        self, make: Make, tensors: Tensors, specs: Sequence[tf.TensorSpec], batch: int
    ) -> Call:
        """Return a call that is known here, or on disk; or trace it."""
        numbers = Inputs(self.model).values_without_optimizer  # which are constants of the call
        known = repr((make.__name__, self._key, numbers, tensors.words[1], specs, batch))
        if known not in self._calls:
            own, kept = variables(self.model), place(known)
            found = kept and Trace.read(kept)
            if found:
                self._calls[known] = _named(found.of(own))
            else:
                self._calls[known] = self._traced(make(self.model, tensors, batch), specs, kept)
        return self._calls[known]

    def _traced(self, call: Call, specs: Sequence[tf.TensorSpec], kept: Path | None) -> Call:
        """Trace a call, and keep it if it can be kept."""
        function = tf.function(call, autograph=False).get_concrete_function(*specs)
        outputs = function.structured_outputs
        if nested(outputs.get(WHOLE)):
            return function  # type: ignore[no-any-return]
        traced = of_function(function, ([], sorted(outputs))).located(variables(self.model))
        if kept is not None:
            traced.write(kept)
        return _named(traced)


def _named(trace: Trace) -> Call:
    """Return a trace as a call that returns its second dict."""
    call = trace.function("graph")
    return lambda *flat: call(*flat)[1]


def scorer_of(model: keras.Model) -> Scorer:
    """Return what scores a compiled model."""
    key = structure(model, Inputs(model))
    return Scorer(model) if key is None or model.jit_compile else InOneCall(model, key)


def _evaluating(model: keras.Model, tensors: Tensors, batch: int) -> Call:
    def evaluate(*flat: tf.Tensor) -> Any:
        def step(start: tf.Tensor) -> tf.Tensor:
            model.test_step(_batch(tensors, flat, start, batch))
            return start + batch

        model.reset_metrics()
        rows = tf.shape(flat[0])[0]
        tf.while_loop(lambda start: start < rows, step, [tf.constant(0)], parallel_iterations=1)
        return logs_of(model, None)

    return evaluate


def _predicting(model: keras.Model, tensors: Tensors, batch: int) -> Call:
    def predict(*flat: tf.Tensor) -> Any:
        @partial(tf.function, autograph=False, input_signature=[tf.TensorSpec((), tf.int32)])
        def step(start: tf.Tensor) -> Any:
            return model.predict_step(_batch(tensors, flat, start, batch))

        def take(i: tf.Tensor, parts: Any) -> Any:
            said = step(i * batch)
            return i + 1, tf.nest.map_structure(lambda one, to: to.write(i, one), said, parts)

        count = -(-tf.shape(flat[0])[0] // batch)
        parts = tf.nest.map_structure(
            lambda one: tf.TensorArray(one.dtype, count, element_shape=one.shape),
            step.get_concrete_function().structured_outputs,
        )
        _, parts = tf.while_loop(
            lambda i, _: i < count, take, [tf.constant(0), parts], parallel_iterations=1
        )
        return {WHOLE: tf.nest.map_structure(lambda each: each.concat(), parts)}

    return predict


def _batch(tensors: Tensors, flat: Sequence[tf.Tensor], start: tf.Tensor, batch: int) -> Any:
    """Return a batch. Where the last one may be short, the number of rows is open, as Keras's."""
    rows = flat[0].shape[0]
    even = rows is not None and rows % batch == 0
    count = batch if even else tf.minimum(batch, tf.shape(flat[0])[0] - start)
    return tensors.pack(rows_of(part, start, count) for part in flat)
