"""Trials on data sets that were interrupted go on, and rows of other kinds train as `fit` does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import BadInput, Objective, Source
from objectives.training import Decision, Outcome, here
from tests.objectives.training.test_data_sets import build, load, spec, trained

pytestmark = pytest.mark.slow


def drawn(source: Source) -> Any:
    """Return a PyDataset that draws from NumPy at every batch, and a data set."""
    import keras

    class Drawn(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, place: int) -> Any:
            x = np.random.standard_normal((8, 4)).astype("float32")
            return {"a": x[:, :2], "b": x[:, 2:]}, (x[:, 0] > 0).astype("int32")

    return Drawn(), load(source, shuffled=True)[1]


def endless(source: Source) -> Any:
    train, validation = load(source, shuffled=True)
    return train.repeat(), validation


KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "shuffled": (lambda source: load(source, shuffled=True), {}),
    "a PyDataset that draws": (drawn, {"version": "1"}),
    "endless, in steps": (endless, {"fit": {"steps_per_epoch": 2}}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_trial_goes_on_to_the_bit(tmp_path: Path, kind: str) -> None:
    import keras

    read, more = KINDS[kind]
    found = Objective(
        load=read,
        build=build,
        callbacks=lambda config, monitor: [keras.callbacks.ReduceLROnPlateau(patience=1)],
        **more,
    )
    data = found.data(Source())
    whole = spec(max_epochs=5)
    kept = dataclasses.replace(whole, checkpoint=tmp_path / "0", checkpoint_every=0.0)
    (stopped,) = here(found, data).train(
        iter([kept]), lambda _, epoch, __: Decision.STOP if epoch == 3 else Decision.CONTINUE
    )
    assert stopped.outcome is Outcome.INTERRUPTED
    (result,), (curve,) = trained(here(found, data), kept)
    _, (expected,) = trained(here(found, data), whole)
    assert result.extra["resumed_epoch"] == 3
    assert any("read again to the end of epoch 3" in note for note in result.extra["notes"])
    assert curve == expected
    assert len({logs["loss"] for logs in curve}) == 5


def test_ragged_rows_are_trained_as_by_fit_and_exported(tmp_path: Path) -> None:
    import keras

    from benchmarks.programs.own_training import RAGGED

    found = RAGGED.objective
    data = found.data(Source())
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
        (((X, X[:, 0]), (X[:, :2], X[:, 0]), (X, X[:, 0])), other, "x of the validation part"),
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
