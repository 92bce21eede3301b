"""What a model with kept weights scores and predicts: by Keras, or in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from objectives.structures import mapped, nested
from objectives.training.epoch import full_and_short, logs_of, of_function, rows_of, steps
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
        found = self._call("evaluate", _evaluating, tensors, batch)(*tensors.flat)
        return {name: as_number(value) for name, value in found.items()}

    def predict(self, x: Any, batch: int) -> Any:
        """Return what the model predicts."""
        tensors = Tensors((x,))
        found = self._call("predict", _predicting, tensors, batch)(*tensors.flat)
        return mapped(lambda tensor: tensor.numpy(), found[WHOLE])

    def _call(self, what: str, make: Make, tensors: Tensors, batch: int) -> Call:
        """Return a call that is known here, or on disk; or trace it."""
        numbers = Inputs(self.model).values_without_optimizer  # which are constants of the call
        known = repr((what, self._key, numbers, tensors.words, batch))
        if known not in self._calls:
            own, kept = variables(self.model), place(known)
            found = kept and Trace.read(kept)
            if found:
                self._calls[known] = _named(found.of(own))
            else:
                self._calls[known] = self._traced(make(self.model, tensors, batch), tensors, kept)
        return self._calls[known]

    def _traced(self, call: Call, tensors: Tensors, kept: Path | None) -> Call:
        """Trace a call, and keep it if it can be kept."""
        specs = [tf.TensorSpec(each.shape, each.dtype) for each in tensors.flat]
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
        def step(start: Any, count: int) -> Any:
            return model.test_step(tensors.pack(rows_of(part, start, count) for part in flat))

        rows = int(flat[0].shape[0])
        model.reset_metrics()
        limits = [tf.constant(each) for each in full_and_short(rows, batch)]
        return logs_of(model, steps(step, rows, batch, limits, own=True))

    return evaluate


def _predicting(model: keras.Model, tensors: Tensors, batch: int) -> Call:
    def predict(*flat: tf.Tensor) -> Any:
        def step(start: Any, count: int) -> Any:
            return model.predict_step(tensors.pack(rows_of(part, start, count) for part in flat))

        rows = int(flat[0].shape[0])
        full, short = full_and_short(rows, batch)
        found = []
        if full:
            like = mapped(lambda one: tf.TensorSpec(one.shape, one.dtype), step(0, batch))
            many = tf.map_fn(
                lambda i: step(i * batch, batch),
                tf.range(full),
                fn_output_signature=like,
                parallel_iterations=1,
            )
            found.append(mapped(lambda one: tf.reshape(one, (-1, *one.shape[2:])), many))
        if short:
            found.append(step(full * batch, rows - full * batch))
        return {WHOLE: tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *found)}

    return predict
