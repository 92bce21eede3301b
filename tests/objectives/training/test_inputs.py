"""Numbers that are inputs of a program: one trace for all of their values, and fit's weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
inputs = pytest.importorskip("objectives.training.inputs")
pytestmark = pytest.mark.slow

VALUES = {
    "weight_decay": (0.1, 0.01),
    "clipnorm": (0.5, 0.01),
    "clipvalue": (0.5, 0.01),
    "global_clipnorm": (0.5, 0.01),
    "momentum": (0.9, 0.5),
    "rho": (0.9, 0.5),
    "epsilon": (1e-7, 1e-2),
    "beta_1": (0.9, 0.5),
    "beta_2": (0.999, 0.9),
    "rate": (0.3, 0.6),
    "stddev": (0.1, 0.5),
    "l1": (0.1, 0.01),
    "l2": (0.1, 0.01),
    "label_smoothing": (0.1, 0.3),
}
CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")  # of which Keras takes one
KINDS = dict(inputs.ATTRIBUTES) | dict.fromkeys(inputs.SMOOTHED, ("label_smoothing",))
CASES = [
    (kind, [name for name in names if name not in CLIPS or name == clip])
    for kind, names in KINDS.items()
    for clip in (CLIPS if kind is keras.optimizers.SGD else CLIPS[:1])
]
XLA = {
    keras.optimizers.Adam,
    keras.layers.BatchNormalization,
    keras.regularizers.L2,
    keras.losses.BinaryCrossentropy,
}
ROWS, BATCH, EPOCHS = 70, 16, 2
X = np.random.default_rng(0).standard_normal((ROWS, 5)).astype("float32")
Y = np.eye(2, dtype="float32")[(X[:, 0] > 0).astype(int)]


def model(kind: type, **numbers: float) -> Any:
    """Return a compiled model with an object of this kind and these numbers in its place."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    optimizer, loss, penalty = keras.optimizers.SGD(0.1), "binary_crossentropy", None
    inner: list[Any] = []
    if issubclass(kind, keras.optimizers.Optimizer):
        optimizer = kind(0.05, **numbers)
    elif issubclass(kind, keras.losses.Loss):
        loss = kind(**numbers)
    elif issubclass(kind, keras.regularizers.Regularizer):
        penalty = kind(**numbers)
    else:
        inner = [kind(**numbers)]
    first = keras.layers.Dense(4, "relu", kernel_regularizer=penalty)
    found = keras.Sequential([keras.Input((5,)), first, *inner, keras.layers.Dense(2, "sigmoid")])
    found.compile(optimizer, loss, metrics=["accuracy"])
    return found


def traced(found: Any) -> tuple[Any, Any]:
    """Return a model's trace and what a program of it is made of."""
    import tensorflow as tf

    from objectives.training.epoch import trace, words
    from objectives.training.metrics import build_metrics
    from objectives.training.tensors import Tensors

    train = tf.constant(X), tf.constant(Y)
    validation = tuple(part[:32] for part in train)
    numbers = inputs.Inputs(found)
    found.optimizer.build(found.trainable_variables)
    build_metrics(found, train, BATCH)
    parts = Tensors(train), Tensors(validation)
    made = trace(found, *parts, ROWS, BATCH, BATCH, numbers)
    arrays = tuple(map(words, train)), validation
    return made, (arrays, ROWS, BATCH, BATCH, numbers.values)


def run(found: Any, trace: Any, rest: Any, way: str) -> list[Any]:
    from objectives.training.program import Program

    program = Program(trace, way, *rest)
    with program.undone():
        for _ in range(EPOCHS):
            program.run(np.arange(ROWS))
        return [each.numpy() for each in found.trainable_variables]


@pytest.mark.parametrize(("kind", "names"), CASES, ids=lambda part: getattr(part, "__name__", ""))
def test_other_values_have_one_trace_and_the_weights_of_fit(kind: type, names: list[str]) -> None:
    ones, others = ({name: VALUES[name][i] for name in names} for i in (0, 1))
    first, _ = traced(model(kind, **ones))
    mine = model(kind, **others)
    values = inputs.Inputs(mine).values
    assert all(pytest.approx(other) in values for other in others.values())
    second, rest = traced(mine)
    assert first.digest == second.digest
    plain = model(kind, **others)
    plain.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0)
    for way in ("graph", "xla") if kind in XLA else ("graph",):
        for found, weights in zip(
            run(mine, second, rest, way), plain.trainable_variables, strict=True
        ):
            np.testing.assert_allclose(found, weights.numpy(), rtol=1e-5, atol=3e-6)


def test_zero_and_one_are_programs_of_their_own() -> None:
    """Keras leaves whole operations out there."""
    kinds = [inputs.Inputs(model(keras.optimizers.SGD, momentum=m)).kinds for m in (0.0, 0.5, 0.9)]
    assert kinds[0] != kinds[1] == kinds[2]
    kinds = [inputs.Inputs(model(keras.layers.Dropout, rate=r)).kinds for r in (0.0, 0.5, 0.9)]
    assert kinds[0] != kinds[1] == kinds[2]


def test_a_subclass_keeps_its_numbers() -> None:
    class Mine(keras.regularizers.L2):
        pass

    assert len(inputs.Inputs(model(Mine, l2=0.1)).values) < len(
        inputs.Inputs(model(keras.regularizers.L2, l2=0.1)).values
    )


def test_an_objects_numbers_are_its_own_after_tracing() -> None:
    found = model(keras.regularizers.L2, l2=0.1)
    traced(found)
    assert type(found.layers[0].kernel_regularizer.l2) is float


def test_what_needs_a_python_number_makes_tracing_fail() -> None:
    """Rather than baking the value in unseen."""
    import tensorflow as tf

    number = inputs.Number(0.5, tf.constant(0.5, tf.float64))
    with pytest.raises(TypeError):
        float(number)
    with pytest.raises(TypeError):
        int(number)
    with pytest.raises(TypeError):
        np.asarray(number, np.float32)
    found = model(keras.regularizers.L2, l2=0.1)
    penalty = found.layers[0].kernel_regularizer

    def activity(outputs: Any) -> Any:
        return float(penalty.l2) * keras.ops.sum(outputs)

    found.layers[0].activity_regularizer = activity
    with pytest.raises(TypeError):
        traced(found)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0, 2.5])
def test_a_number_computes_and_compares_as_pythons(value: float) -> None:
    import tensorflow as tf

    number = inputs.Number(value, tf.constant(value, tf.float64))
    assert bool(number) is bool(value)
    assert (number == value, number < 1, number >= 1) == (True, value < 1, value >= 1)
    assert hash(number) == hash(value)
    for compute in (
        lambda n: 1 - n,
        lambda n: n - 1,
        lambda n: n + n,
        lambda n: -n * 3,
        lambda n: n / 7,
        lambda n: 7 / (n + 1),
    ):
        found = compute(number)
        assert found.value == compute(value)
        assert found.tensor.numpy() == compute(value)
    assert (number * tf.constant(2.0)).dtype == tf.float32
