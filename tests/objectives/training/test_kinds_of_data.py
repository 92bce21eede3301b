"""Steps of endless data sets, ragged rows, and data that a model cannot read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Objective, Source
from objectives.training import here
from tests.objectives.training.test_data_sets import build, load, spec, trained

pytestmark = pytest.mark.slow


def test_steps_of_an_endless_data_set_are_as_many_as_asked_for() -> None:
    def endless(source: Source) -> Any:
        train, validation = load(source, shuffled=True)
        return train.repeat(), validation

    found = Objective(load=endless, build=build, fit={"steps_per_epoch": 2})
    data = found.data(Source())
    _, (curve,) = trained(here(found, data), spec(max_epochs=3))
    _, (again,) = trained(here(found, data), spec(max_epochs=3))
    assert curve == again
    assert len({logs["loss"] for logs in curve}) == 3
    with pytest.raises(BadInput, match="steps_per_epoch"):
        Objective(load=endless, build=build).data(Source())


@pytest.mark.parametrize("folds", [0, 2])
def test_ragged_rows_are_trained_as_by_fit_and_exported(folds: int, tmp_path: Path) -> None:
    import keras

    from benchmarks.programs.own_training import RAGGED

    found = RAGGED.objective
    data = found.data(Source(folds=folds))
    given = dataclasses.replace(
        spec(), config=RAGGED.configs[0], max_epochs=2, weights=tmp_path / "w.npz"
    )
    trainer = here(found, data)
    (result,), (curve,) = trained(trainer, given)
    assert result.fallback == "x has ragged rows"
    scores = trainer.evaluate(given, tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    again = model.evaluate(data.test.x.tensor(), data.test.y, verbose=0, return_dict=True)
    assert scores["test_loss"] == pytest.approx(again["loss"], rel=1e-5)
    assert curve[1]["loss"] < curve[0]["loss"]


def other(trial: Any) -> Any:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def named(trial: Any) -> Any:
    import keras

    a = keras.Input((3,), name="a")
    model = keras.Model({"a": a}, {"p": keras.layers.Dense(1)(a)})
    model.compile("adam", {"p": "mse"})
    return model


X = np.zeros((20, 3), "float32")


@pytest.mark.parametrize(
    ("given", "make", "says"),
    [
        ((X[:, :2], X[:, 0]), other, r"shape \(3,\), and x of the train part has \(2,\)"),
        (((X, X[:, 0]), (X[:9, :2], X[:9, 0]), (X, X[:, 0])), other, "x of the validation part"),
        ((X, None), other, "load gave no y, and the model is compiled with loss='mse'"),
        (({"b": X}, {"p": X[:, 0]}), named, 'the model has the input "a": x has no such array'),
        (({"a": X}, {"r": X[:, 0]}), named, r'y\["r"\]: the model has no such output'),
    ],
)
def test_data_that_the_model_cannot_read_end_the_sweep_with_a_line(
    given: Any, make: Any, says: str
) -> None:
    found = Objective(load=lambda _: given, build=make)
    with pytest.raises(BadInput, match=says) as refused:
        trained(here(found, found.data(Source())), spec())
    assert "\n" not in str(refused.value)
