"""Kinds of programs that people bring, by `auto`: the curves are those of `fit`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.objectives.training.compare import Case, agrees, same, train

pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
kinds = pytest.importorskip("tests.objectives.training.kinds")
prepared = pytest.importorskip("tests.objectives.training.prepared")
pytestmark = pytest.mark.slow


CASES = kinds.CASES | prepared.CASES


@pytest.mark.parametrize("name", CASES)
def test_it_trains_as_fit_does(name: str) -> None:
    for result in agrees(CASES[name]):
        assert result.fallback is None


def test_a_metric_of_several_values_is_their_mean_with_a_word() -> None:
    import keras

    case = kinds.CASES["a metric of several values"]
    (result,), (curve,) = train(case, "auto", case.configs[:1], epochs=1)
    assert any("f1_score has 3 values" in note for note in result.extra["notes"])
    model = case.build(case.configs[0], case.data())
    assert isinstance(model, keras.Model)
    assert 0.0 <= curve[0]["val_f1_score"] <= 1.0


def images() -> Any:
    return kinds.parts(
        lambda rng, count: rng.standard_normal((count, 8, 8, 1)).astype("float32"),
        lambda rng, x: x.mean(axis=(1, 2)),
    )


def convolution(filters: int, data: Any) -> Any:
    from keras import layers

    inner = [layers.Conv2D(filters, 3), layers.MaxPooling2D(), layers.Flatten()]
    return kinds.sequential(*inner, shape=(8, 8, 1))


def attention(width: int, data: Any) -> Any:
    import keras
    from keras import layers

    given = keras.Input((6,))
    steps = layers.Reshape((6, 1))(given)
    found = layers.MultiHeadAttention(2, width)(steps, steps)
    model = keras.Model(given, layers.Dense(1)(layers.Flatten()(found)))
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    "case",
    [Case(convolution, [2, 3], images), Case(attention, [2, 3], kinds.numbers)],
    ids=["convolution", "attention"],
)
def test_what_xla_is_slow_at_goes_by_a_graph(case: Case) -> None:
    results, curves = train(case, "auto", case.configs, epochs=1)
    _, plain = train(case, "fit", case.configs, epochs=1)
    assert [result.extra["way"] for result in results] == ["graph"] * 2
    for mine, expected in zip(curves, plain, strict=True):
        same(mine, expected)


def test_strings_go_by_a_graph_when_xla_is_asked_for() -> None:
    case = CASES["StringLookup"]
    results, curves = train(case, "xla", case.configs[:2])
    _, plain = train(case, "fit", case.configs[:2])
    assert [result.extra["way"] for result in results] == ["graph"] * 2
    assert [result.fallback for result in results] == [None] * 2
    for mine, expected in zip(curves, plain, strict=True):
        same(mine, expected)


@pytest.mark.parametrize("way", ["fit", "auto"])
def test_a_policy_of_one_trial_is_not_that_of_the_next(way: str) -> None:
    import keras

    def build(policy: str | None, data: Any) -> Any:
        if policy == "epsilon":
            keras.config.set_epsilon(0.1)
        elif policy:
            keras.mixed_precision.set_global_policy(policy)
        model = kinds.sequential(keras.layers.Dense(3), keras.layers.BatchNormalization())
        if policy is None:
            assert model.layers[0].compute_dtype == keras.config.floatx() == "float32"
        return model

    case = Case(build, [None, "mixed_bfloat16", "float64", "epsilon", None], kinds.numbers)
    _, curves = train(case, way, case.configs)
    assert curves[0] == curves[-1]
    assert curves[0] != curves[1]


def python_numbers(scale: float, data: Any) -> Any:
    from keras import layers

    rng = np.random.default_rng()
    return kinds.sequential(layers.Lambda(lambda x: scale * x + rng.random()))


def counting(scale: float, data: Any) -> Any:
    from keras import layers

    calls: list[int] = []

    def count(x: Any) -> Any:
        calls.append(1)
        return scale * x + 1e-3 * len(calls)

    return kinds.sequential(layers.Lambda(count))


def unseeded(scale: float, data: Any) -> Any:
    import tensorflow as tf
    from keras import layers

    return kinds.sequential(layers.Lambda(lambda x: x + scale * tf.random.normal(tf.shape(x))))


def through_python(scale: float, data: Any) -> Any:
    import tensorflow as tf
    from keras import layers

    def call(x: Any) -> Any:
        found = tf.py_function(lambda rows: scale * rows, [x], x.dtype)
        found.set_shape(x.shape)
        return found

    return kinds.sequential(layers.Lambda(call, output_shape=(6,)))


def eager(scale: float, data: Any) -> Any:
    return kinds.sequential(kinds.Scaled(scale), run_eagerly=True)


def own_function(scale: float, data: Any) -> Any:
    import keras

    class Own(keras.Sequential):
        def make_train_function(self, force: bool = False) -> Any:
            return super().make_train_function(force)

    model = Own([keras.Input((6,)), kinds.Scaled(scale), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (python_numbers, "own Python code computes something else at every call"),
        (counting, "own Python code computes something else at every call"),
        (unseeded, "RandomStandardNormal, an operation of tf.random"),
        (through_python, "it runs Python code in every step"),
        (eager, "run_eagerly=True"),
        (own_function, "Own has a method make_train_function of its own"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_python_does_outside_of_the_graph_is_trained_by_fit(build: Any, why: str) -> None:
    case = Case(build, [1.0, 2.0], kinds.numbers)
    results, curves = train(case, "auto", case.configs, epochs=1)
    assert [result.extra["way"] for result in results] == ["fit"] * 2
    for result in results:
        assert why in (result.fallback or "")
        assert "\n" not in (result.fallback or "")
    if build in (through_python, eager, own_function):
        _, plain = train(case, "fit", case.configs, epochs=1)
        assert curves == plain


def annealed(first: float, monitor: str) -> list[Any]:
    """Return a callback that changes an attribute of a layer before every epoch."""
    import keras

    class Anneal(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[0].factor = (5.0 if first > 1 else 0.5) / (epoch + 1)

    return [Anneal()]


def test_a_callback_that_changes_what_call_reads_does_as_with_fit() -> None:
    """`fit` bakes in what the attribute is when it traces: in the first epoch."""
    case = Case(
        kinds.scaled,
        [1.0, 2.0],
        kinds.numbers,
        callbacks=lambda config, monitor: annealed(config["value"], monitor),
    )
    agrees(case)


def test_a_train_function_that_build_has_set_goes_to_fit() -> None:
    def build(rate: float, data: Any) -> Any:
        net = kinds.sequential()

        @tf.function
        def step(iterator: Any) -> Any:
            x, y = next(iterator)
            net._loss_tracker.update_state(tf.reduce_mean(tf.square(net(x)[:, 0] - y)))
            return {"loss": net._loss_tracker.result()}

        net.train_function = step
        return net

    (result,), _ = train(Case(build, [0.1], kinds.numbers), "auto", [0.1])
    assert result.fallback == "Sequential has a train_function that build has set"


def test_a_model_that_build_has_trained_already_is_traced() -> None:
    def build(rate: float, data: Any) -> Any:
        net = kinds.sequential()
        net.fit(data.train.x, data.train.y, verbose=0)
        return net

    for result in agrees(Case(build, [0.1], kinds.numbers)):
        assert result.fallback is None


def test_a_model_of_another_strategy_fails_with_one_line() -> None:
    def build(rate: float, data: Any) -> Any:
        with tf.distribute.OneDeviceStrategy("/cpu:0").scope():
            return kinds.sequential()

    with pytest.raises(AssertionError, match=r"in the scope of a OneDeviceStrategy: .* without"):
        train(Case(build, [0.1], kinds.numbers), "auto", [0.1])
