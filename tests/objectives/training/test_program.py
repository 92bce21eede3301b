"""Copies of a model's weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow


def net(kind: Any) -> Any:
    given = keras.Input((3,))
    normal = keras.layers.BatchNormalization(dtype="float64")(given)
    model = kind(given, keras.layers.Dense(1)(keras.layers.Dropout(0.5, seed=1)(normal)))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_they_are_those_of_keras_and_stay_while_it_trains() -> None:
    from objectives.training.program import weights

    model = net(keras.Model)
    before, found = [one.copy() for one in model.get_weights()], weights(model)
    model.fit(np.ones((8, 3)), np.zeros((8, 1)), verbose=0)
    assert [one.dtype for one in found] == [one.dtype for one in before]
    assert all(map(np.array_equal, found, before))
    assert all(map(np.array_equal, weights(model), model.get_weights()))
    assert not all(map(np.array_equal, found, model.get_weights()))


def test_a_model_that_tells_its_weights_itself_is_asked() -> None:
    from objectives.training.program import weights

    class Own(keras.Model):  # type: ignore[misc, name-defined]
        def get_weights(self) -> list[Any]:
            return [np.zeros(1)]

    assert np.array_equal(weights(net(Own)), [np.zeros(1)])
