"""What a model with kept weights scores and predicts: by Keras, or in one call."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from objectives.structures import mapped
from objectives.training.epoch import full_and_short, logs_of, rows_of, steps
from objectives.training.epochs import fed
from objectives.training.inputs import Inputs
from objectives.training.program import as_number
from objectives.training.structure import structure
from objectives.training.tensors import Tensors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import Logs

    Array = NDArray[Any]


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
    step. So the digits are equal.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(model)
        self._functions: dict[Any, Any] = {}

    def evaluate(self, part: tuple[Any, ...], batch: int) -> Logs:
        """Return loss and metrics. part: x, y and perhaps weights."""
        tensors = Tensors(part)
        make = functools.partial(_evaluating, self.model, tensors, batch)
        found = self._function(("evaluate", tensors, batch), make)(*tensors.flat)
        return {name: as_number(value) for name, value in found.items()}

    def predict(self, x: Any, batch: int) -> Any:
        """Return what the model predicts."""
        tensors = Tensors((x,))
        make = functools.partial(_predicting, self.model, tensors, batch)
        found = self._function(("predict", tensors, batch), make)(*tensors.flat)
        return mapped(lambda tensor: tensor.numpy(), found)

    def _function(self, key: tuple[str, Tensors, int], make: Any) -> Any:
        what, tensors, batch = key
        known = repr((what, tensors.words, batch))
        if known not in self._functions:
            specs = [tf.TensorSpec(each.shape, each.dtype) for each in tensors.flat]
            function = tf.function(make(), autograph=False)
            self._functions[known] = function.get_concrete_function(*specs)
        return self._functions[known]


def scorer_of(model: keras.Model) -> Scorer:
    """Return what scores a compiled model."""
    listed = structure(model, Inputs(model)) is not None
    return InOneCall(model) if listed and not model.jit_compile else Scorer(model)


def _evaluating(model: keras.Model, tensors: Tensors, batch: int) -> Any:
    def evaluate(*flat: tf.Tensor) -> Any:
        def step(start: Any, count: int) -> Any:
            return model.test_step(tensors.pack(rows_of(part, start, count) for part in flat))

        rows = int(flat[0].shape[0])
        model.reset_metrics()
        limits = [tf.constant(each) for each in full_and_short(rows, batch)]
        return logs_of(model, steps(step, rows, batch, limits, own=True))

    return evaluate


def _predicting(model: keras.Model, tensors: Tensors, batch: int) -> Any:
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
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, 0), *found)

    return predict
