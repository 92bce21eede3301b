"""Trials that `fit` trains from data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Objective, Source
from objectives.training import Decision, Logs, TrialSpec, here

pytestmark = pytest.mark.slow


def load(source: Source, shuffled: bool) -> Any:
    import tensorflow as tf

    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4)).astype("float32")
    y = (x[:, 0] > 0).astype("int32")
    whole = tf.data.Dataset.from_tensor_slices(({"a": x[:, :2], "b": x[:, 2:]}, y))
    train = whole.take(40).shuffle(40) if shuffled else whole.take(40)
    return train.batch(16), whole.skip(40).batch(8)


def build(trial: Any) -> Any:
    import keras

    inputs = {name: keras.Input((2,), name=name) for name in "ab"}
    both = keras.layers.Concatenate()(list(inputs.values()))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(both))
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


def right(labels: Any, predictions: Any) -> dict[str, float]:
    return {"right": float(np.mean((predictions.ravel() > 0.5) == labels))}


def objective(shuffled: bool) -> Objective[Any]:
    return Objective(load=lambda source: load(source, shuffled), build=build, scores=right)


def spec(number: int = 0, **changes: Any) -> TrialSpec:
    return TrialSpec(number, {}, **({"seed": 3, "max_epochs": 3} | changes))


def trained(trainer: Any, *specs: TrialSpec) -> tuple[list[Any], list[list[Logs]]]:
    curves: list[list[Logs]] = [[] for _ in specs]

    def on_epoch(of: TrialSpec, _: int, logs: Logs) -> Decision:
        curves[of.number].append({k: v for k, v in logs.items() if k != "epoch_seconds"})
        return Decision.CONTINUE

    return list(trainer.train(iter(specs), on_epoch)), curves


def test_a_trial_has_the_curve_of_fit_on_the_same_data_sets() -> None:
    import keras

    found = objective(shuffled=False)
    results, (curve,) = trained(here(found, found.data(Source())), spec())
    assert results[0].extra["way"] == "fit"
    assert "data sets" in results[0].fallback
    keras.utils.set_random_seed(3)
    model = build(None)
    train, validation = load(Source(), shuffled=False)
    history = model.fit(
        train, validation_data=validation, shuffle=False, epochs=3, verbose=0
    ).history
    for name, values in history.items():
        assert [logs[name] for logs in curve] == values


def test_a_trial_repeats_whatever_ran_before_and_its_scores_are_of_the_same_rows(
    tmp_path: Path,
) -> None:
    found = objective(shuffled=True)
    trainer = here(found, found.data(Source()))
    kept = spec(2, weights=tmp_path / "w.npz")
    _, (first, other, again) = trained(trainer, spec(0), spec(1, seed=4), kept)
    assert first == again != other
    assert len({logs["loss"] for logs in first}) == 3
    scores = trainer.evaluate(kept, tmp_path / "model.keras")
    assert scores["test_right"] == pytest.approx(scores["test_accuracy"])
    assert (tmp_path / "model.keras").exists()


def test_a_share_of_a_data_set_is_its_first_batches() -> None:
    found = objective(shuffled=False)
    data = found.data(Source())
    _, (whole, part) = trained(here(found, data), spec(0), spec(1, share=0.4))
    assert whole[0]["loss"] != part[0]["loss"]
    _, (again,) = trained(here(found, data), spec(0, share=0.4))
    assert again == part
