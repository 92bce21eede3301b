"""A model without an Input layer, as KerasTuner's first page has it."""

from __future__ import annotations

from typing import Any

import pytest

from objectives import Objective
from objectives.training import Decision, Outcome, TrialSpec, here
from tests.objectives.training.small_objective import data

pytestmark = pytest.mark.slow


def build(trial: Any, *, shape: tuple[int, ...] | None = None) -> Any:
    import keras

    model = keras.Sequential([] if shape is None else [keras.Input(shape)])
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(trial.suggest_int("units", 4, 8), activation="relu"))
    model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("kind", ["fit", "auto"])
def test_it_trains_and_scores_as_the_same_model_with_an_input(kind: str, tmp_path: Any) -> None:
    found, curves, scores = data(), [], []
    for name, shape in (("without", None), ("with", found.train.x.shape[1:])):
        objective = Objective(
            load=None, build=lambda trial, shape=shape: build(trial, shape=shape)
        )
        trainer = here(objective, found, kind)
        spec = TrialSpec(0, {"units": 4}, 3, 3, weights=tmp_path / f"{name}.npz")
        values: list[float] = []

        def on_epoch(_: Any, epoch: int, logs: Any, values: Any = values) -> Decision:
            values.append(logs["val_loss"])
            return Decision.CONTINUE

        (result,) = trainer.train(iter([spec]), on_epoch)
        assert result.outcome is Outcome.COMPLETE, result.error
        assert result.fallback is None
        curves.append(values)
        scores.append(trainer.evaluate(spec, model=tmp_path / f"{name}.keras"))
        assert (tmp_path / f"{name}.keras").exists()
        trainer.close()
    assert curves[0] == curves[1]
    assert scores[0] == scores[1]
