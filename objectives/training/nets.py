"""Models that are there: a trial of one draws its initial state, and builds nothing.

Building costs far more than a short epoch. A `Stacked` tells its layers before they are built,
and Keras's own initializers depend on nothing but their seeds, which the layers draw when they are
made. So a model that differs in its seed and in its numbers alone takes both, and is as a new one.
That this gives the very digits of a build is checked on every model before it is kept.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state  # there is no public way to forget variables

from objectives import shared
from objectives.stacked import Stacked, unscaled
from objectives.training.inputs import ATTRIBUTES
from objectives.training.metrics import build_optimizer
from objectives.training.parts import optimizer_numbers
from objectives.training.scoring import Scorer
from objectives.training.structure import Unlisted, layer_words

if TYPE_CHECKING:
    from objectives import Data, Objective
    from objectives.training import TrialSpec
    from objectives.training.tracing import Traced

BYTES = 64 * 2**20  # of the variables of all models that a process keeps
INITIALIZERS = {
    each
    for each in vars(keras.initializers).values()
    if isinstance(each, type) and issubclass(each, keras.initializers.Initializer)
}


@dataclass(frozen=True)
class Plan:
    """What a spec's model is made of.

    key: equal for models that differ in nothing but what `begin` sets. layers: made and built, but
    with initializers in place of values. numbers: of the optimizer.
    """

    key: str
    layers: list[keras.Layer]
    scale: float | None
    numbers: dict[str, float]

    def state(self, model: keras.Model) -> Iterator[tuple[keras.Variable, tf.Tensor]]:
        """Yield the variables of a built model's layers, and their initial values."""
        scaled = [layer.kernel for layer in self.layers if hasattr(layer, "kernel")][-1:]
        for planned, built in zip(self.layers, model.layers, strict=True):
            for mine, other in zip(planned.variables, built.variables, strict=True):
                value = mine._initializer(mine.shape, dtype=mine.dtype)
                if self.scale is not None and any(mine is each for each in scaled):
                    value = self.scale * value
                yield other, value


@dataclass(frozen=True)
class Net:
    """A model that trials take one after the other.

    start: the optimizer's variables before the first step. traced: its epoch. scorer: of it.
    """

    model: keras.Model
    start: list[tf.Tensor]
    traced: Traced
    scorer: Scorer

    @property
    def size(self) -> int:
        """Bytes of its variables."""
        held = (*self.model.variables, *self.model.optimizer.variables)
        return int(sum(v.value.dtype.size * np.prod(v.shape) for v in held))

    def take(self, plan: Plan) -> keras.Model:
        """Return the model with a plan's numbers."""
        for planned, built in zip(plan.layers, self.model.layers, strict=True):
            for name in ATTRIBUTES.get(type(built), ()):
                vars(built)[name] = vars(planned)[name]
        for name, value in plan.numbers.items():
            if name != "learning_rate":
                vars(self.model.optimizer)[name] = value
        return self.model

    def begin(self, plan: Plan) -> keras.Model:
        """Return the model as building it would."""
        model = self.take(plan)
        for variable, value in plan.state(model):
            variable.value.assign(value, read_value=False)
        for variable, value in zip(model.optimizer.variables, self.start, strict=True):
            variable.value.assign(value, read_value=False)
        model.optimizer.learning_rate = plan.numbers["learning_rate"]
        model.stop_training = False
        return model


class Nets:
    """The models that a trainer keeps, the latest last."""

    def __init__(self, objective: Objective[Any], data: Data) -> None:
        self._objective, self._data = objective, data
        build = getattr(objective.build, "function", None)
        # Callbacks of the user's own could change a model so that the next trial finds it another.
        tame = objective.callbacks in (None, shared.callbacks)
        self._build = build if isinstance(build, Stacked) and tame else None
        self._kept: dict[str, Net] = {}

    def plan(self, spec: TrialSpec) -> Plan | None:
        """Return what a spec's model is made of; None where building it has to tell."""
        build, data = self._build, self._data
        if build is None:
            return None
        # Keras draws the seeds of layers from here alone; to set TensorFlow's seed as well would
        # make it prepare every operation anew.
        random.seed(spec.seed)
        try:
            first, *layers = _unvalued(build, spec.config, data)
            made_of = [layer_words(layer) for layer in layers]
        except (Unlisted, ValueError):
            return None
        if not all(_drawn(layer) for layer in layers):
            return None
        optimizer = spec.config.optimizer
        numbers = optimizer_numbers(optimizer)
        words = [
            (first.batch_shape, first.dtype, made_of),
            (optimizer.kind, [(n, v > 0, v == 0, v == 1) for n, v in numbers.items()]),
            (self._objective.batch(spec.config), spec.share, spec.monitor.extra),
            repr(self._objective.arguments(spec.config)),
        ]
        scale = None if build.scale is unscaled else build.scale(spec.config)
        key = hashlib.sha256(repr(words).encode()).hexdigest()
        return Plan(key, layers, scale, numbers)

    def find(self, plan: Plan | None) -> Net | None:
        """Return the model that a plan can take, if there is one."""
        if plan is None or plan.key not in self._kept:
            return None
        found = self._kept[plan.key] = self._kept.pop(plan.key)
        return found

    def start(self, plan: Plan | None, model: keras.Model) -> list[tf.Tensor] | None:
        """Return a new model's optimizer as it begins; None where a plan would differ from it."""
        if plan is None:
            return None
        optimizer = model.optimizer
        build_optimizer(model)
        same = all(np.array_equal(variable, value) for variable, value in plan.state(model))
        held = {name: vars(optimizer).get(name) for name in plan.numbers}
        held["learning_rate"] = optimizer._learning_rate
        rates = np.float32(plan.numbers["learning_rate"]), np.float32(held["learning_rate"])
        plain = {name: held[name] for name in plan.numbers if name != "learning_rate"}
        known = plain.items() <= plan.numbers.items() and rates[0] == rates[1]
        return [tf.identity(v.value) for v in optimizer.variables] if same and known else None

    def keep(self, plan: Plan, net: Net) -> None:
        """Keep a model, and forget the oldest ones where all of them take too much room."""
        self._kept[plan.key] = net
        while self._kept and sum(each.size for each in self._kept.values()) > BYTES:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


def _drawn(layer: keras.Layer) -> bool:
    """Return whether a listed layer's initial values depend on seeds that it holds alone."""
    parts = (layer, getattr(layer, "cell", None))
    held = [v for part in parts for name, v in _vars(part) if name.endswith("_initializer")]
    return all(
        each is None or (type(each) in INITIALIZERS and isinstance(getattr(each, "seed", 0), int))
        for each in held
    )


def _vars(thing: Any) -> Iterable[tuple[str, Any]]:
    return () if thing is None else vars(thing).items()


def _unvalued(build: Stacked, config: Any, data: Data) -> Sequence[keras.Layer]:
    """Return layers that are built but for the values of their variables."""
    name = "uninitialized_variables"  # of layers that wait for their values, for ever here
    waiting = global_state.get_global_attribute(name)
    global_state.set_global_attribute(name, None)
    try:
        with keras.StatelessScope(initialize_variables=False):
            first, *others = build.layers(config, data)
            shape = first.batch_shape
            for layer in others:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
    finally:
        global_state.set_global_attribute(name, waiting)
    return [first, *others]
