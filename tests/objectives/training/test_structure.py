"""The key read off a model: equal only where its trace is equal, whatever may differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

keras = pytest.importorskip("keras")
walk = pytest.importorskip("tests.objectives.training.walk")
numbers = pytest.importorskip("objectives.training.inputs")
LISTED = pytest.importorskip("objectives.training.structure").LISTED
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Layer 'flatten'.*was passed an input with a mask"),
]


def key(model: Any) -> str | None:
    from objectives.training.structure import structure

    return structure(model, numbers.Inputs(model))


def traced(model: Any) -> Any:
    """Return a model's trace on two batches of training and one of validation."""
    import tensorflow as tf

    from objectives.training.epoch import trace
    from objectives.training.metrics import build_metrics
    from objectives.training.program import variables
    from objectives.training.tensors import Tensors

    parts = tuple(map(tf.constant, walk.fed(model)))
    (model.optimizer.build(model.trainable_variables), build_metrics(model, parts, 4))
    both = Tensors(parts), Tensors(tuple(p[:4] for p in parts))
    return trace(model, *both, 8, 4, 4, numbers.Inputs(model)).located(variables(model))


def made(module: str, make: Callable[[], Any], after: Any = None) -> Any:
    """Return a model, or None where Keras refuses the value."""
    try:
        return walk.model(module, make, after)
    except Exception:
        return None


class Base:
    """A class with its default arguments; its trace is made where it is needed."""

    def __init__(self, module: str, kind: type) -> None:
        self.module, self.kind = module, kind
        self.model = made(module, self.make)
        self.key = self.model and key(self.model)
        self._trace: Any = None

    def make(self) -> Any:
        return self.kind(**walk.required(self.kind))

    def agrees(self, other: Any) -> bool:
        """Return whether another model shares nothing, or has an equal trace."""
        if key(other) != self.key:
            return True
        if self._trace is None:
            self._trace = traced(self.model)
        found = traced(other)
        assert found.places is not None
        return (found.digest, found.places) == (self._trace.digest, self._trace.places)

    def state(self) -> list[tuple[str, Any]]:
        """Return the public attributes that hold plain values, and others for them."""
        held: list[Any] = []
        walk.model(self.module, self.make, held.append)
        found = [(n, walk.different(v)) for n, v in vars(held[0]).items() if n[0] != "_"]
        return [(n, v) for n, v in found if v is not walk.MISSING]


ALL = [(module, kind) for module in walk.MODULES for kind in walk.classes(module)]
READ = [
    (module, kind)
    for module, kind in ALL
    if (kind in LISTED or module == "initializers") and kind.__name__ not in walk.CELLS
]


@pytest.mark.parametrize("module", walk.MODULES)
def test_what_is_not_listed_is_traced(module: str) -> None:
    read = {kind for _, kind in READ}
    for kind in walk.classes(module):
        base = Base(module, kind) if kind not in read else None
        inside = base and base.model and kind in map(type, base.model._flatten_layers())
        if base and (inside or module != "layers"):
            assert base.key is None, kind


@pytest.mark.parametrize(
    ("module", "kind"), READ, ids=lambda part: getattr(part, "__name__", part)
)
def test_what_shares_a_key_has_the_same_trace(module: str, kind: type) -> None:
    """For every argument of a class that is read, and every plain attribute set later."""
    base = Base(module, kind)
    if module != "initializers":
        assert base.key is not None
    elif base.model is None:  # STFT, which is for a kernel of another rank
        return
    inputs = numbers.ATTRIBUTES.get(kind, ())  # tested on their own
    wrong, skipped = [], []
    for name, make in walk.variants(kind):
        other = made(module, make) if name not in inputs and make is not None else None
        if other is None:
            skipped.append(name)
        elif not base.agrees(other):
            wrong.append(name)
    for name, value in base.state() if module != "initializers" else ():
        set_later = lambda thing, name=name, value=value: setattr(thing, name, value)  # noqa: E731
        other = made(module, base.make, set_later) if name not in inputs else None
        if other is not None and not base.agrees(other):
            wrong.append(f"{name} set to {value!r}")
    assert not wrong
    reasons = [name for of, name in walk.SKIPPED if of == kind.__name__]
    assert sorted(set(skipped) - set(inputs)) == sorted(reasons)


def test_nothing_is_skipped_in_vain() -> None:
    assert {name for name, _ in walk.SKIPPED} <= {kind.__name__ for _, kind in READ}


def dense(**options: Any) -> Any:
    return keras.layers.Dense(2, **{"name": "d"} | options)


def later(change: Callable[[Any], None], make: Callable[[], Any] = dense) -> Any:
    return walk.model("layers", make, change)


def frozen(variable: Any) -> None:
    variable.trainable = False


def limited(variable: Any) -> None:
    variable.constraint = keras.constraints.MaxNorm(0.1)


def penalized(variable: Any) -> None:
    variable.regularizer = keras.regularizers.L2(0.1)


def method(layer: Any) -> None:
    own = layer.call
    layer.call = lambda x: 2 * own(x)


CHANGES: dict[str, tuple[Callable[[Any], None], Callable[[], Any]]] = {
    "a layer frozen": (lambda layer: setattr(layer, "trainable", False), dense),
    "a kernel frozen": (lambda layer: frozen(layer.kernel), dense),
    "a kernel limited": (lambda layer: limited(layer.kernel), dense),
    "a kernel penalized": (lambda layer: penalized(layer.kernel), dense),
    "another activation": (lambda layer: setattr(layer, "activation", keras.ops.tanh), dense),
    "an activity penalized": (
        lambda layer: setattr(layer, "activity_regularizer", keras.regularizers.L1(0.3)),
        dense,
    ),
    "a method of an instance": (method, dense),
    "adapters": (lambda layer: layer.enable_lora(1), dense),
    "quantized": (lambda layer: layer.quantize("int8"), dense),
    "a cell's dropout": (
        lambda layer: setattr(layer.cell, "dropout", 0.5),
        lambda: keras.layers.LSTM(2),
    ),
    "a cell's activation": (
        lambda layer: setattr(layer.cell, "activation", keras.ops.relu),
        lambda: keras.layers.LSTM(2),
    ),
    "an inner layer": (
        lambda layer: setattr(layer.backward_layer.cell, "recurrent_dropout", 0.5),
        lambda: keras.layers.Bidirectional(keras.layers.LSTM(2)),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_state_that_changes_the_trace_is_not_shared(name: str) -> None:
    change, make = CHANGES[name]
    before, after = later(lambda layer: None, make), later(change, make)
    if key(before) == key(after):
        assert traced(before).digest == traced(after).digest


@keras.saving.register_keras_serializable()
def mine(x: Any) -> Any:
    return keras.ops.relu(x)


def relu(x: Any) -> Any:
    """Named as one of Keras's."""
    return 2 * keras.ops.relu(x)


class Mine(keras.layers.Dense):
    pass


Named = type("Dense", (keras.layers.Dense,), {})
Named.__module__ = "keras.src.layers.core.dense"


class L2(keras.regularizers.Regularizer):
    """Named as one of Keras's."""

    def __call__(self, x: Any) -> Any:
        return 3.0 * keras.ops.sum(x)

    def get_config(self) -> dict[str, Any]:
        return {"l2": 0.01}


class MaxNorm(keras.constraints.Constraint):
    def __call__(self, weights: Any) -> Any:
        return weights


class Mean(keras.metrics.Mean):
    pass


class Adam(keras.optimizers.Adam):
    pass


class Net(keras.Sequential):
    pass


def model(
    *layers: Any, loss: Any = "mse", optimizer: Any = "adam", kind: Any = None, **more: Any
) -> Any:
    found = (kind or keras.Sequential)([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    found.compile(optimizer, loss, **more)
    return found


def test_models_of_keras_alone_are_read() -> None:
    reshape, options = keras.layers.Reshape, {"kernel_constraint": "non_neg"}
    inner = keras.Sequential([keras.Input((3,)), dense(activation="relu")])
    for read in (
        model(dense(activation="relu", kernel_regularizer="l2", **options)),
        model(reshape((3, 1)), keras.layers.Bidirectional(keras.layers.LSTM(2))),
        model(inner, metrics=["mae", keras.metrics.AUC()], loss=keras.losses.Huber()),
        model(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 9))),
    ):
        assert key(read) is not None


OWN: dict[str, Callable[[], Any]] = {
    "an activation": lambda: model(dense(activation=mine)),
    "an activation named as Keras's": lambda: model(dense(activation=relu)),
    "an activation in a cell": lambda: model(
        keras.layers.Reshape((3, 1)),
        keras.layers.Bidirectional(keras.layers.LSTM(2, activation=mine)),
    ),
    "an activation in a model": lambda: model(
        keras.Sequential([keras.Input((3,)), dense(activation=mine)])
    ),
    "a layer": lambda: model(Mine(2)),
    "a layer named as Keras's": lambda: model(Named(2)),
    "a regularizer named as Keras's": lambda: model(dense(kernel_regularizer=L2())),
    "a constraint named as Keras's": lambda: model(dense(kernel_constraint=MaxNorm())),
    "a function": lambda: model(keras.layers.Lambda(mine)),
    "a loss": lambda: model(loss=lambda y, p: keras.ops.mean(y - p)),
    "a loss named as Keras's": lambda: model(loss=relu),
    "a metric": lambda: model(metrics=[Mean()]),
    "a metric's function": lambda: model(metrics=[mine]),
    "an optimizer": lambda: model(optimizer=Adam()),
    "a model": lambda: model(kind=Net),
    "a model run eagerly": lambda: model(run_eagerly=True),
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_of_the_users_own_is_traced(name: str) -> None:
    assert key(OWN[name]()) is None


def test_a_layer_named_as_an_activation_is_told_from_it() -> None:
    one, other = (
        model(dense(activation=a, name=n)) for a, n in (("tanh", "relu"), ("relu", "tanh"))
    )
    assert key(one) != key(other)


def test_seeds_rates_and_initializers_are_no_part_of_it() -> None:
    def dropout(seed: int, rate: float, start: str) -> Any:
        keras.utils.clear_session(free_memory=False)
        optimizer = keras.optimizers.Adam(rate, weight_decay=rate)
        layer = keras.layers.Dropout(rate, seed=seed)
        return key(model(dense(kernel_initializer=start), layer, optimizer=optimizer))

    assert dropout(1, 0.1, "zeros") == dropout(2, 0.2, "he_normal") is not None
