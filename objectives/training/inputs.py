"""Numbers that Keras makes constants of a program, and which become its inputs here.

A momentum or a dropout rate is a Python number in Keras: tracing bakes it in, and two trials that
differ in it alone could not share a program. While an epoch is traced, a `Number` stands in its
place. It compares as the number, so that Python's branches are taken as they would be, and
computes in float64, as Python does, so that the digits stay.
"""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Iterator, MutableMapping
from typing import Any

import keras
import tensorflow as tf

from objectives.training.uncorrected import UncorrectedAdam

BASE = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm")
ADAM = (*BASE, "beta_1", "beta_2", "epsilon")
# Only these exact classes: a subclass may do anything with its attributes. What does not stand
# here, such as the slope of LeakyReLU, is an attribute of an operation and cannot be an input.
ATTRIBUTES: dict[type, tuple[str, ...]] = {
    keras.optimizers.SGD: (*BASE, "momentum"),
    keras.optimizers.RMSprop: (*BASE, "rho", "momentum", "epsilon"),
    keras.optimizers.Adam: ADAM,
    keras.optimizers.AdamW: ADAM,
    keras.optimizers.Nadam: ADAM,
    UncorrectedAdam: ADAM,
    keras.layers.Dropout: ("rate",),
    keras.layers.GaussianNoise: ("stddev",),
    keras.layers.BatchNormalization: ("momentum", "epsilon"),
    keras.regularizers.L1: ("l1",),
    keras.regularizers.L2: ("l2",),
    keras.regularizers.L1L2: ("l1", "l2"),
}
REGULARIZERS = ("kernel", "bias", "recurrent", "embeddings", "gamma", "beta", "activity")
SMOOTHED = (
    keras.losses.BinaryCrossentropy,
    keras.losses.CategoricalCrossentropy,
)


class Inputs:
    """The numbers of a compiled model that its program takes as inputs.

    Attributes:
        values: Of the numbers, in a fixed order.
        kinds: Plain values that tell which numbers there are, and which of Keras's branches each
            one takes: on 0 and on 1 there is another program.
    """

    def __init__(self, model: keras.Model) -> None:
        self._places = list(_places(model))
        self._held = [place[name] for place, name in self._places]
        self.values = [float(value) for value in self._held]
        own = vars(model.optimizer) if model.optimizer is not None else None
        self.values_without_optimizer = [
            value
            for (place, _), value in zip(self._places, self.values, strict=True)
            if place is not own
        ]
        self.kinds = [
            (i, name, value > 0, value == 0, value == 1)
            for i, ((_, name), value) in enumerate(zip(self._places, self.values, strict=True))
        ]

    def given(self, values: tf.Tensor) -> contextlib.AbstractContextManager[None]:
        """Let the model take its numbers from a tensor of float64 while it is traced."""
        return self._replaced([Number(value, values[i]) for i, value in enumerate(self.values)])

    def hidden(self) -> contextlib.AbstractContextManager[None]:
        """Let every number be a mark that tells its position alone, while configs are read."""
        return self._replaced([1e-300 * (i + 1) for i in range(len(self.values))])

    @contextlib.contextmanager
    def _replaced(self, values: list[Any]) -> Iterator[None]:
        for (place, name), value in zip(self._places, values, strict=True):
            place[name] = value
        try:
            yield
        finally:
            for (place, name), value in zip(self._places, self._held, strict=True):
                place[name] = value


def _places(model: keras.Model) -> Iterator[tuple[MutableMapping[str, Any], str]]:
    """Yield where the numbers are held: a namespace, and the name in it."""
    layers = list(model._flatten_layers())
    held = [
        getattr(layer, f"{name}_regularizer", None) for layer in layers for name in REGULARIZERS
    ]
    seen: set[int] = set()
    for thing in (model.optimizer, *layers, *held):
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        for name in ATTRIBUTES.get(type(thing), ()):
            value = vars(thing).get(name)  # a tensor in Keras's L1
            if _number(value) or isinstance(value, tf.Tensor):
                yield vars(thing), name
    for loss in keras.tree.flatten(model.loss):
        if type(loss) in SMOOTHED and id(loss) not in seen:
            seen.add(id(loss))
            if _number(loss._fn_kwargs.get("label_smoothing")):
                yield loss._fn_kwargs, "label_smoothing"


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Number:
    """A number that is an input of a program while the program is traced.

    It has no `__float__`: whatever needs a Python number makes the tracing fail, rather than
    baking a value in unseen.
    """

    dtype = float  # what Keras reads of a Python number: of no type of its own

    def __init__(self, value: float, tensor: tf.Tensor) -> None:
        self.value = value
        self.tensor = tensor

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        """Return the input, in TensorFlow's default type where none is asked for."""
        return tf.cast(self.tensor, dtype or keras.config.floatx(), name)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _value(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.value < _value(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.value <= _value(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > _value(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.value >= _value(other))

    def __neg__(self) -> Number:
        return Number(-self.value, -self.tensor)

    def __add__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a + b)

    def __radd__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b + a)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a * b)

    def __rmul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b * a)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: a / b)

    def __rtruediv__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b / a)

    def _with(self, other: Any, compute: Any) -> Any:
        """Compute with another number in float64, or with a tensor in the tensor's own type."""
        if isinstance(other, Number):
            return Number(compute(self.value, other.value), compute(self.tensor, other.tensor))
        if _number(other):
            return Number(
                compute(self.value, other),
                compute(self.tensor, tf.constant(other, self.tensor.dtype)),
            )
        other = tf.convert_to_tensor(other)
        return compute(tf.cast(self.tensor, other.dtype), other)


numbers.Real.register(Number)  # which TensorFlow asks of a dropout's rate


def _value(other: Any) -> Any:
    return other.value if isinstance(other, Number) else other
