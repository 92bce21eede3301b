"""Classifiers of several classes and regressions, trained for real on small data."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from objectives import Data, Monitor, Objective, Source
from objectives.dense_binary import DENSE_BINARY
from objectives.dense_multiclass import DENSE_MULTICLASS
from objectives.dense_regression import DENSE_REGRESSION
from objectives.judging import scores
from objectives.lstm_recall import LSTM_RECALL
from objectives.sequence_regression import SEQUENCE_REGRESSION
from objectives.training import Decision, TrialSpec, here
from objectives.training.areas import ClassAUC

pytestmark = pytest.mark.slow


def train(
    objective: Objective[Any],
    data: Data,
    folder: Path,
    epochs: int,
    monitor: str = "val_loss",
    kind: str = "fit",
) -> tuple[dict[str, float], dict[str, float], keras.Model]:
    """Return the last epoch's logs, the test part's scores, and the exported model."""
    trainer = here(objective, data, kind)
    config = objective.space.baseline
    if objective is LSTM_RECALL:
        config = dataclasses.replace(config, layers=1)
    spec = TrialSpec(
        number=0,
        config=config,
        seed=1,
        max_epochs=epochs,
        monitor=Monitor.of(monitor),
        weights=folder / "weights.npz",
    )
    seen: list[dict[str, float]] = []

    def on_epoch(_: TrialSpec, epoch: int, logs: dict[str, float]) -> Decision:
        seen.append(logs)
        return Decision.CONTINUE

    (result,) = trainer.train(iter([spec]), on_epoch)
    assert result.error is result.fallback is None
    scored = trainer.evaluate(spec, folder / "model.keras")
    trainer.close()
    return seen[-1], scored, keras.models.load_model(folder / "model.keras")


def test_numbers_are_predicted_in_their_own_unit(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(600, 4)) * [1.0, 1e-4, 1e4, 1.0]
    y = 1e6 + 5e4 * np.tanh(x[:, 0] + x[:, 1] * 1e4) + 1e3 * x[:, 3]
    data = DENSE_REGRESSION.data(Source(arrays=(x, y)))
    logs, scored, model = train(DENSE_REGRESSION, data, tmp_path, epochs=15)
    assert scored["test_r2"] > 0.9
    assert scored["test_mae"] < 2e4
    assert logs["val_loss"] < 0.2  # in variances of the target, whatever its unit
    predicted = model.predict(x, verbose=0).ravel()
    assert 1.0 - np.mean((predicted - y) ** 2) / np.var(y) > 0.9


def test_a_unit_changes_nothing_but_the_unit(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.sin(x[:, 0]) + x[:, 1]
    plain = DENSE_REGRESSION.data(Source(arrays=(x, y)))
    scaled = DENSE_REGRESSION.data(Source(arrays=(x, 1024.0 * y)))
    first, one, _ = train(DENSE_REGRESSION, plain, tmp_path, epochs=3)
    second, other, _ = train(DENSE_REGRESSION, scaled, tmp_path, epochs=3)
    assert second["val_loss"] == pytest.approx(first["val_loss"], rel=1e-4)
    assert other["test_mae"] == pytest.approx(1024.0 * one["test_mae"], rel=1e-3)


def test_a_series_number_is_predicted_in_its_own_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(3.0, 2.0, (400, 6, 1))
    x[np.arange(6) >= rng.integers(3, 7, 400)[:, None]] = np.nan
    y = 1.7e9 + 150.0 * np.nanmean(x, axis=(1, 2))  # float32 rounds it to 128
    data = SEQUENCE_REGRESSION.data(Source(arrays=(x, y)))
    logs, scored, model = train(SEQUENCE_REGRESSION, data, tmp_path, epochs=15, kind="fit")
    assert scored["test_mae"] < 60.0  # their deviation is 140
    assert logs["val_loss"] < 0.3
    predicted = model.predict(x, verbose=0).ravel()
    assert np.abs(predicted - y).mean() < 60.0


def test_several_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.array(["low", "mid", "top"])[np.arange(600) % 3]
    x = rng.normal(size=(600, 3)) + 2.0 * np.eye(3)[np.arange(600) % 3]
    data = DENSE_MULTICLASS.data(Source(arrays=(x, y)))
    _, scored, model = train(DENSE_MULTICLASS, data, tmp_path, epochs=8)
    assert scored["test_accuracy"] > 0.8
    assert scored["test_auc"] > 0.9
    named = np.array(data.details["classes"])[model.predict(x, verbose=0).argmax(axis=1)]
    assert np.mean(named == y) > 0.8


@pytest.mark.parametrize("kind", ["dense", "lstm"])
def test_several_classes_by_the_area_under_their_curves(tmp_path: Path, kind: str) -> None:
    objective: Objective[Any] = DENSE_MULTICLASS if kind == "dense" else LSTM_RECALL
    x = np.random.default_rng(0).normal(size=(300, 4)) + 1.5 * np.eye(4)[np.arange(300) % 4]
    y = np.arange(300) % 4
    data = objective.data(Source(arrays=(x if kind == "dense" else x[:, :, None], y)))
    way = "auto" if kind == "dense" else "fit"
    logs, scored, _ = train(objective, data, tmp_path, 2, monitor="val_auc", kind=way)
    assert "val_auc" in logs
    assert scored["test_auc"] > 0.5
    with zipfile.ZipFile(tmp_path / "model.keras") as file:  # which Keras alone can load
        assert b"sweeps>" not in file.read("config.json")


@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_the_area_of_class_numbers_is_kerass_of_label_columns(curve: str) -> None:
    rng = np.random.default_rng(0)
    labels, chances = rng.integers(0, 3, 50), rng.dirichlet(np.ones(3), 50)
    weights = rng.random(50)
    ours = ClassAUC(3, curve=curve)
    keras_own = keras.metrics.AUC(curve=curve, multi_label=True, num_labels=3)
    for again in (ours, ClassAUC.from_config(ours.get_config())):
        again.update_state(labels, chances, weights)
        keras_own.reset_state()
        keras_own.update_state(np.eye(3)[labels], chances, weights)
        assert float(again.result()) == float(keras_own.result())


def test_keras_and_our_scores_agree(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(900, 3))
    y = x[:, 0] + np.random.default_rng(1).normal(size=900) > 1.2
    options = {"weights": "balanced"}
    data = DENSE_BINARY.data(Source(arrays=(x, y), options=options))
    assert data.class_weight is not None
    _, scored, _ = train(DENSE_BINARY, data, tmp_path, epochs=2, monitor="val_auc")
    net = DENSE_BINARY.model(DENSE_BINARY.space.baseline, data, Monitor.of("val_auc"))
    logs = net.evaluate(
        data.test.x,
        data.test.y,
        sample_weight=data.test.sample_weight,
        verbose=0,
        return_dict=True,
    )
    ours = scores(data.test.y, net.predict(data.test.x, verbose=0), "binary")
    assert ours["auc"] == pytest.approx(logs["auc"], abs=0.01)
    assert ours["accuracy"] == pytest.approx(logs["accuracy"], abs=1e-6)
    assert 0.0 <= scored["test_balanced_accuracy"] <= 1.0


@pytest.mark.parametrize("objective", [DENSE_MULTICLASS, DENSE_REGRESSION])
def test_embedded_data(objective: Objective[Any]) -> None:
    data = objective.embedded
    assert data.source.name == "embedded"
    assert data.preprocessing is not None
    assert np.isfinite(data.train.x).all()
    again = objective.data(Source(seed=1))
    assert again.digest != data.digest
