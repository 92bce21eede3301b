"""The key of a program: equal where tracing bakes in the same, and only there."""

from __future__ import annotations

from typing import Any

import pytest

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow


class Scaled(keras.layers.Layer):
    """A layer that does not tell Keras about its factor."""

    def __init__(self, factor: float, held: Any = None) -> None:
        super().__init__()
        self.factor = factor
        self.held = held

    def call(self, x: Any) -> Any:
        return self.factor * x

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


class Limit(keras.constraints.Constraint):
    """A constraint without a config."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def __call__(self, weights: Any) -> Any:
        return keras.ops.clip(weights, -self.limit, self.limit)


def key(layer: Any = None, loss: Any = "mse", optimizer: Any = "adam", **compiling: Any) -> str:
    from objectives.training.structure import structure

    keras.utils.clear_session(free_memory=False)
    layers = [layer()] if layer else []
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer, loss, **compiling)
    return structure(model)


def test_names_and_seeds_do_not_matter() -> None:
    def dropout(name: str, seed: int) -> str:
        return key(lambda: keras.layers.Dropout(0.5, name=name, seed=seed))

    assert dropout("one", 1) == dropout("another", 2)
    assert dropout("one", 1) != key(lambda: keras.layers.Dropout(0.4, name="one", seed=1))


def test_rates_that_are_numbers_do_not_matter_and_schedules_do() -> None:
    def adam(**options: Any) -> str:
        return key(optimizer=keras.optimizers.Adam(**options))

    def decay(rate: float) -> Any:
        return keras.optimizers.schedules.ExponentialDecay(rate, 10, 0.9)

    assert adam(learning_rate=0.1, weight_decay=0.0) == adam(learning_rate=0.2, weight_decay=0.1)
    assert adam(weight_decay=None) != adam(weight_decay=0.0)
    assert adam(beta_1=0.8) != adam(beta_1=0.9)
    assert adam(learning_rate=decay(0.1)) != adam(learning_rate=decay(0.2))


def test_an_optimizer_of_ones_own_is_shared_over_the_same_inputs() -> None:
    from objectives.training.uncorrected import UncorrectedAdam

    def own(rate: float, **options: Any) -> str:
        return key(optimizer=UncorrectedAdam(rate, **options))

    assert own(0.1, weight_decay=0.0) == own(0.2, weight_decay=0.1)
    assert own(0.1, beta_1=0.8) != own(0.1)
    assert own(0.1) != key(optimizer=keras.optimizers.Adam(0.1))


def test_parts_of_a_layer_are_told_apart_by_attributes_outside_their_config() -> None:
    def dense(limit: float) -> str:
        return key(lambda: keras.layers.Dense(3, kernel_constraint=Limit(limit)))

    assert dense(1.0) == dense(1.0) != dense(2.0)


def test_functions_are_told_apart_by_what_they_close_over() -> None:
    def loss(power: float) -> Any:
        return lambda y, p: keras.ops.mean(keras.ops.abs(y - p) ** power)

    assert key(loss=loss(2.0)) == key(loss=loss(2.0))
    assert key(loss=loss(2.0)) != key(loss=loss(3.0))


def test_custom_layers_are_told_apart_by_attributes_outside_their_config() -> None:
    assert key(lambda: Scaled(2.0)) == key(lambda: Scaled(2.0))
    assert key(lambda: Scaled(2.0)) != key(lambda: Scaled(3.0))
    assert key(lambda: Scaled(2.0)) != key(lambda: Scaled(2.0, held=(1, "a")))


def test_constants_are_told_apart_by_their_values() -> None:
    def normal(mean: float) -> str:
        return key(lambda: keras.layers.Normalization(mean=[mean] * 3, variance=[1.0] * 3))

    assert normal(1.0) == normal(1.0) != normal(2.0)


def test_what_cannot_be_told_apart_is_not_shared() -> None:
    from objectives.training.structure import Unshareable

    class Local(keras.layers.Layer):  # made anew at every call, as `build` may do
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(Unshareable, match="Local"):
        key(Local)
    with pytest.raises(Unshareable, match="object"):
        key(lambda: Scaled(2.0, held=object()))


def test_frozen_weights_and_metrics_matter() -> None:
    keys = {
        key(lambda: keras.layers.Dense(3)),
        key(lambda: keras.layers.Dense(3, trainable=False)),
        key(lambda: keras.layers.Dense(3), metrics=["mae"]),
        key(lambda: keras.layers.Dense(3), weighted_metrics=["mae"]),
        key(lambda: keras.layers.Dense(3), loss_weights=[0.5]),
    }
    assert len(keys) == 5
