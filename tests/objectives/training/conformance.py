"""What every trainer must do. A test module imports all of it and defines `factory`.

`factory` is a fixture: (Objective, Data) -> Trainer.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Data, Monitor
from objectives.training import (
    Decision,
    Logs,
    Outcome,
    Trainer,
    TrialResult,
    TrialSpec,
    UnknownMonitor,
    effective_rate,
)
from objectives.training.batches import order
from tests.objectives.training.small_objective import SMALL, Small, data

Factory = Callable[[Any, Data], Trainer]
Curve = list[Logs]
# Without the comparison with `fit`, which has tests of its own and costs as much as most of these.
PLAIN = {"seed": 5, "max_epochs": 3, "check": False}


def spec(config: Small | None = None, number: int = 0, **changes: Any) -> TrialSpec:
    return TrialSpec(number, config or Small(), **(PLAIN | changes))


def train(trainer: Trainer, *specs: TrialSpec) -> tuple[list[TrialResult], list[Curve]]:
    """Train to the end; return results and curves, the seconds left out."""
    curves: dict[int, Curve] = {each.number: [] for each in specs}

    def on_epoch(of: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curves[of.number].append({k: v for k, v in logs.items() if k != "epoch_seconds"})
        assert len(curves[of.number]) == epoch
        return Decision.CONTINUE

    results = list(trainer.train(iter(specs), on_epoch))
    for result in results:
        config = result.spec.config
        assert config.fault or result.error is None, result.error
        assert config.fault or "batches" in config.callbacks or not result.fallback
    return results, list(curves.values())


@pytest.fixture
def trainer(factory: Factory) -> Iterator[Trainer]:
    made = factory(SMALL, data())
    yield made
    made.close()


def answer(after: int, decision: Decision, only: int = 0) -> Any:
    """Return an on_epoch that gives one trial a decision at an epoch."""

    def on_epoch(of: TrialSpec, epoch: int, logs: Logs) -> Decision:
        return decision if of.number == only and epoch == after else Decision.CONTINUE

    return on_epoch


def test_the_next_spec_is_taken_only_when_the_last_result_was_consumed(trainer: Trainer) -> None:
    events: list[str] = []

    def specs() -> Iterator[TrialSpec]:
        for number in range(2):
            events.append(f"take {number}")
            yield spec(number=number, max_epochs=1)

    for result in trainer.train(specs(), lambda *_: Decision.CONTINUE):
        events.append(f"result {result.spec.number}")  # noqa: PERF401 (specs() appends too)
    assert events == [f"{what} {number}" for number in range(2) for what in ("take", "result")]
    assert trainer.places in (0, 1), "what takes one spec at a time has one place, or none"


def test_logs_are_floats_with_rates_and_seconds(trainer: Trainer) -> None:
    seen: Curve = []
    list(
        trainer.train(
            iter([spec(max_epochs=2), spec(Small(optimizer="sgd"), number=1, max_epochs=1)]),
            lambda _, epoch, logs: seen.append(logs) or Decision.CONTINUE,
        )
    )
    common = {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "epoch_seconds"}
    assert [set(logs) for logs in seen] == [common | {"effective_learning_rate"}] * 2 + [common]
    assert all(type(value) is float for logs in seen for value in logs.values())
    # 72 rows in batches of 16 are 5 steps an epoch, the short one included.
    for epoch, logs in enumerate(seen[:2], 1):
        expected = effective_rate(logs["learning_rate"], 0.9, 0.999, 5 * epoch)
        assert logs["effective_learning_rate"] == expected


def test_a_result_names_the_best_epoch(trainer: Trainer) -> None:
    (result,), (curve,) = train(trainer, spec(max_epochs=5))
    values = [logs["val_loss"] for logs in curve]
    assert (result.outcome, result.epochs) == (Outcome.COMPLETE, 5)
    assert (result.value, result.best_epoch) == (min(values), 1 + int(np.argmin(values)))
    assert result.seconds > 0


def test_a_trial_whose_patience_is_over_is_complete(trainer: Trainer, tmp_path: Path) -> None:
    config, kept = Small(width=8, learning_rate=0.1), [tmp_path / f"{n}.npz" for n in range(2)]
    whole = spec(config, max_epochs=20, weights=kept[0])
    ended = spec(config, 1, max_epochs=20, weights=kept[1], patience=5)
    (first, second), curves = train(trainer, whole, ended)
    assert second.outcome is Outcome.COMPLETE
    assert second.epochs == (second.best_epoch or 0) + 5 < first.epochs
    assert curves[1] == curves[0][: second.epochs]
    assert (second.value, second.best_epoch) == (first.value, first.best_epoch)
    with np.load(kept[0]) as one, np.load(kept[1]) as two:
        assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_pruned_trial_ends_at_once_and_keeps_no_weights(
    trainer: Trainer, tmp_path: Path
) -> None:
    specs = [spec(number=n, weights=tmp_path / f"{n}.npz") for n in range(2)]
    results = list(trainer.train(iter(specs), answer(2, Decision.PRUNE)))
    assert [result.outcome for result in results] == [Outcome.PRUNED, Outcome.COMPLETE]
    assert [result.epochs for result in results] == [2, 3]
    assert [file.name for file in tmp_path.iterdir()] == ["1.npz"]


def test_stop_interrupts_and_takes_no_further_spec(trainer: Trainer, tmp_path: Path) -> None:
    specs = iter([spec(number=n, weights=tmp_path / f"{n}.npz") for n in range(2)])
    results = list(trainer.train(specs, answer(1, Decision.STOP)))
    assert [result.outcome for result in results] == [Outcome.INTERRUPTED]
    assert [left.number for left in specs] == [1]
    assert not list(tmp_path.iterdir())


def test_a_diverged_trial_keeps_its_finite_epochs(trainer: Trainer) -> None:
    growing = Small(net="line", optimizer="sgd", learning_rate=5.0)
    at_once = dataclasses.replace(growing, learning_rate=1e12)
    results, curves = train(trainer, spec(growing, max_epochs=40), spec(at_once, 1), spec(None, 2))
    first, second, third = results
    assert first.outcome is second.outcome is Outcome.DIVERGED
    assert third.outcome is Outcome.COMPLETE
    assert first.epochs == len(curves[0]) > 0
    assert first.extra["diverged_epoch"] == first.epochs + 1
    assert first.value == min(logs["val_loss"] for logs in curves[0])
    assert (second.epochs, second.value, second.extra["diverged_epoch"]) == (0, None, 1)
    assert curves[1] == []


@pytest.mark.parametrize("fault", ["build", "call"])
def test_a_trial_that_raises_fails_with_its_traceback_and_the_next_goes_on(
    trainer: Trainer, fault: str
) -> None:
    (failed, fine), _ = train(trainer, spec(Small(fault=fault)), spec(number=1))
    assert failed.outcome is Outcome.FAILED
    assert failed.error is not None
    assert "Traceback" in failed.error
    assert "cannot be" in failed.error
    assert fine.outcome is Outcome.COMPLETE


def test_an_unknown_monitor_raises_and_names_the_metrics(trainer: Trainer) -> None:
    with pytest.raises(UnknownMonitor, match=r"'val_los'.*'val_loss'.*val_accuracy, val_loss"):
        train(trainer, spec(monitor=Monitor("val_los", "min")))


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError])
def test_what_on_epoch_raises_is_the_callers(trainer: Trainer, fault: Any) -> None:
    def on_epoch(*_: Any) -> Decision:
        raise fault("full disk")

    with pytest.raises(fault, match="full disk"):
        list(trainer.train(iter([spec()]), on_epoch))


def test_the_rate_is_that_of_the_epoch_and_not_of_a_drop_at_its_end(trainer: Trainer) -> None:
    config = Small(callbacks=("plateau",), learning_rate=0.05)
    _, (curve,) = train(trainer, spec(config, max_epochs=5))
    rates = np.array([logs["learning_rate"] for logs in curve])
    np.testing.assert_allclose(rates, 0.05 / np.array([1, 1, 2, 4, 8]), rtol=1e-6)
    assert curve[2]["loss"] != train(trainer, spec(max_epochs=3))[1][0][2]["loss"]


def test_keras_callbacks_stop_and_schedule(trainer: Trainer) -> None:
    results, curves = train(
        trainer,
        spec(Small(callbacks=("early",)), max_epochs=9),
        spec(Small(callbacks=("halve",)), 1),
    )
    assert [(r.outcome, r.epochs) for r in results] == [(Outcome.COMPLETE, 3)] * 2
    rates = [logs["learning_rate"] for logs in curves[1]]
    np.testing.assert_allclose(rates, [0.05, 0.025, 0.0125], rtol=1e-6)


def test_a_callback_that_needs_batches_still_works(trainer: Trainer) -> None:
    (result,), _ = train(trainer, spec(Small(callbacks=("batches",))))
    assert (result.outcome, result.epochs) == (Outcome.COMPLETE, 3)


def test_a_schedule_of_the_optimizer_works(trainer: Trainer) -> None:
    _, (curve,) = train(trainer, spec(Small(schedule=True)))
    expected = 0.05 * 0.9 ** (np.array([0, 5, 10]) / 3)
    np.testing.assert_allclose([logs["learning_rate"] for logs in curve], expected, rtol=1e-6)


@pytest.mark.parametrize(("weighted", "class_weight"), [(False, None), (True, {0: 1.5, 1: 0.25})])
def test_logistic_regression_by_hand(factory: Factory, weighted: bool, class_weight: Any) -> None:
    """Order, the short last batch and both kinds of weights, against NumPy."""
    found = data(weighted=weighted, class_weight=class_weight)
    config = Small(net="logistic", optimizer="sgd", learning_rate=0.5)
    trainer = factory(SMALL, found)
    _, (curve,) = train(trainer, spec(config, max_epochs=2))
    trainer.close()

    x, y = found.train.x.astype(float), found.train.y.astype(float)
    weight = np.ones(len(y)) if found.train.sample_weight is None else found.train.sample_weight
    if class_weight:
        weight = weight * np.where(y == 1, class_weight[1], class_weight[0])
    slope, offset = np.zeros(x.shape[1]), 0.0
    for epoch, logs in enumerate(curve, 1):
        losses = []
        rows = order(5, epoch, len(y))
        for start in range(0, len(y), 16):
            batch = rows[start : start + 16]
            chance = 1 / (1 + np.exp(-(x[batch] @ slope + offset)))
            truth, weights = y[batch], weight[batch]
            each = -truth * np.log(chance) - (1 - truth) * np.log(1 - chance)
            losses.extend([np.mean(weights * each)] * len(batch))
            error = weights * (chance - truth) / len(batch)
            slope, offset = slope - 0.5 * error @ x[batch], offset - 0.5 * error.sum()
        assert logs["loss"] == pytest.approx(np.mean(losses), rel=1e-5)


def test_the_kept_weights_are_those_of_the_best_epoch(trainer: Trainer, tmp_path: Path) -> None:
    """The test part of these data is the validation part."""
    config = Small(normalized=True, width=16, callbacks=("grow",))
    trained = spec(config, max_epochs=8, weights=tmp_path / "w.npz")
    (result,), (curve,) = train(trainer, trained)
    assert result.best_epoch is not None
    assert result.best_epoch < 8, "the rate should have grown too large by now"
    scores = trainer.evaluate(trained)
    best = curve[result.best_epoch - 1]
    assert scores["test_loss"] == pytest.approx(result.value, rel=1e-6)
    assert scores["test_accuracy"] == pytest.approx(best["val_accuracy"], rel=1e-6)
    assert set(scores) == {"test_loss", "test_accuracy", "test_mean"}


def test_the_exported_model_loads_without_this_project(trainer: Trainer, tmp_path: Path) -> None:
    trained = spec(max_epochs=2, weights=tmp_path / "w.npz")
    train(trainer, trained)
    scores = trainer.evaluate(trained, model=tmp_path / "model.keras")
    test = data().test
    np.savez(tmp_path / "test.npz", x=test.x, y=test.y)
    script = (
        "import keras, numpy, sys\n"
        "assert not any('objectives' in name for name in sys.modules)\n"
        "model = keras.models.load_model('model.keras')\n"
        "part = numpy.load('test.npz')\n"
        "print(model.evaluate(part['x'], part['y'], verbose=0)[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error::UserWarning", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) == pytest.approx(scores["test_loss"], rel=1e-6)


def test_a_spec_repeats_to_the_bit_whatever_ran_before(factory: Factory) -> None:
    config = Small(dropout=0.3, normalized=True, weight_decay=0.01)
    other = dataclasses.replace(config, learning_rate=0.2, optimizer="sgd")
    first, second = factory(SMALL, data()), factory(SMALL, data())
    _, (alone,) = train(first, spec(config))
    _, (_, again, moved) = train(second, spec(other), spec(config, 1), spec(config, 2, seed=6))
    first.close()
    second.close()
    assert again == alone
    assert moved != alone
