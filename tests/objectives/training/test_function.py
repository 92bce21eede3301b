"""Objective functions of Optuna's, run as they are: their epochs, reports, ends and models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from objectives import BadInput, Objective, Source
from objectives.functions import FromOptuna
from objectives.training import Decision, Logs, Outcome, Trainer, TrialSpec, here
from search_spaces import Replay
from sweeps.cli.python import load, run
from sweeps.study.sweep import Sweep, successive_halving

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("float32")
EPOCHS = 4


class Pruning(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
    """As `optuna_integration.KerasPruningCallback` is."""

    def __init__(self, trial: Any, monitor: str) -> None:
        super().__init__()
        self.trial, self.monitor = trial, monitor

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.trial.report(float(logs[self.monitor]), step=epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"Trial was pruned at epoch {epoch}.")


def model_of(trial: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((3,))])
    if trial.suggest_categorical("wide", [True, False]):
        model.add(keras.layers.Dense(trial.suggest_int("units", 2, 8), "relu"))
    model.add(keras.layers.Dense(1, "sigmoid"))
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def objective(trial: Any) -> float:
    """As people write it."""
    history = model_of(trial).fit(
        X,
        Y,
        validation_data=(X[:20], Y[:20]),
        epochs=EPOCHS,
        callbacks=[Pruning(trial, "val_loss")],
        verbose=0,
    )
    trial.set_user_attr("accuracy", history.history["val_accuracy"][-1])
    return min(history.history["val_loss"])


OBJECTIVE = Objective.from_optuna(objective, max_epochs=EPOCHS)
SWEEP = Sweep("function", OBJECTIVE, pruner=successive_halving(first_rung=2), n_trials=6)
CONFIG = {"wide": True, "units": 4, "learning_rate": 0.05}


def trained(
    function: Any, config: Any = None, answer: Any = None, **more: Any
) -> tuple[Any, list[Logs], Trainer]:
    """Train one trial; `answer` gives the decision of an epoch."""
    found = Objective.from_optuna(function, max_epochs=9)
    trainer, curve = here(found, found.data(Source())), []

    def on_epoch(_: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curve.append(logs)
        assert epoch == len(curve)
        return Decision.CONTINUE if answer is None else answer(epoch)

    spec = TrialSpec(0, CONFIG if config is None else config, 5, 9, found.judged_by, **more)
    (result,) = trainer.train(iter([spec]), on_epoch)
    return result, curve, trainer


def test_a_function_is_asked_without_being_trained() -> None:
    space = OBJECTIVE.space
    first = space.first()
    assert first == {"wide": True, "units": 5, "learning_rate": pytest.approx(0.01)}
    assert OBJECTIVE.build(first, None).count_params() == 3 * 5 + 5 + 5 + 1
    assert OBJECTIVE.epochs(first, 9) == 9
    assert keras.Model.fit.__module__.startswith("keras.")
    with pytest.raises(BadInput, match=r"fit asks for 4 epochs, and max_epochs is 3: give Obj"):
        OBJECTIVE.epochs(first, 3)


def test_its_epochs_are_those_of_fit_with_what_it_reports(tmp_path: Path) -> None:
    result, curve, trainer = trained(objective, weights=tmp_path / "w.npz")
    assert (result.outcome, result.epochs) == (Outcome.COMPLETE, EPOCHS)
    names = {"loss", "accuracy", "val_loss", "val_accuracy", "value", "learning_rate"}
    assert all(set(logs) == names | {"epoch_seconds"} for logs in curve)
    assert [logs["value"] for logs in curve] == [logs["val_loss"] for logs in curve]
    assert result.value == min(logs["val_loss"] for logs in curve)
    assert result.extra["user_attrs"] == {"accuracy": curve[-1]["val_accuracy"]}
    assert result.extra["notes"] == [
        "the function trains by itself: its epochs are those of model.fit, none is compiled"
    ]
    assert trainer.evaluate(result.spec, tmp_path / "model.keras") == {}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    scores = loaded.evaluate(X[:20], Y[:20], verbose=0, return_dict=True)
    assert scores["loss"] == pytest.approx(curve[-1]["val_loss"], rel=1e-5)
    again, same, _ = trained(objective)
    assert [logs["loss"] for logs in same] == [logs["loss"] for logs in curve]
    assert again.value == result.value


def test_what_it_reports_is_judged() -> None:
    pruned, curve, _ = trained(
        objective, answer=lambda epoch: Decision.PRUNE if epoch == 2 else Decision.CONTINUE
    )
    assert (pruned.outcome, pruned.epochs, len(curve)) == (Outcome.PRUNED, 2, 2)
    assert pruned.value == min(logs["value"] for logs in curve)
    stopped, _, _ = trained(objective, answer=lambda epoch: Decision.STOP)
    assert (stopped.outcome, stopped.epochs) == (Outcome.INTERRUPTED, 1)


def unreported(trial: Any) -> float:
    model = model_of(trial)
    for _ in range(2):  # as in cross-validation
        history = model.fit(X, Y, epochs=3, verbose=0)
    return float(history.history["accuracy"][-1])


def test_without_reports_there_are_still_curves_and_its_value() -> None:
    result, curve, _ = trained(unreported)
    assert (result.outcome, result.epochs, len(curve)) == (Outcome.COMPLETE, 6, 6)
    assert result.value == curve[-1]["accuracy"]
    assert all(np.isnan(logs["value"]) for logs in curve)


def looping(trial: Any) -> float:
    model, value = model_of(trial), 1.0
    for step in range(3):
        model.fit(X, Y, epochs=1, verbose=0)
        value = 1.0 / (step + 1)
        trial.report(value, step)
        trial.report(9.0, step)  # Optuna keeps the first
        if trial.should_prune():
            raise optuna.TrialPruned
    return value


def formula(trial: Any) -> float:
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1)
    for step in range(3):
        trial.report(rate / (step + 1), step)
    return float(rate)


@pytest.mark.parametrize(
    ("function", "values"), [(looping, [1, 1 / 2, 1 / 3]), (formula, [0.05, 0.05 / 2, 0.05 / 3])]
)
def test_a_loop_of_its_own_has_an_epoch_for_every_report(
    function: Any, values: list[float], tmp_path: Path
) -> None:
    result, curve, trainer = trained(function, weights=tmp_path / "w.npz")
    assert [logs["value"] for logs in curve] == pytest.approx(values)
    assert result.outcome is Outcome.COMPLETE
    assert trainer.evaluate(result.spec, tmp_path / "m.keras") == {}
    assert (tmp_path / "m.keras").exists() is (function is looping)


def test_failures_are_those_of_the_function() -> None:
    def failing(trial: Any) -> float:
        model_of(trial)
        raise ValueError("no such thing")

    def pruned(trial: Any) -> float:
        model_of(trial)
        raise optuna.TrialPruned

    failed, _, _ = trained(failing)
    assert failed.outcome is Outcome.FAILED
    assert "ValueError: no such thing" in failed.error
    assert trained(pruned)[0].outcome is Outcome.PRUNED
    assert trained(lambda trial: float("nan"))[0].outcome is Outcome.DIVERGED
    with pytest.raises(ZeroDivisionError):
        trained(objective, answer=lambda epoch: 1 / 0)


def late(trial: Any) -> float:
    model_of(trial).fit(X, Y, epochs=1, verbose=0)
    return float(trial.suggest_float("late", 0, 1))


def model_kept(trial: Any) -> float:
    trial.set_user_attr("model", model_of(trial))
    return 0.0


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (late, "asks for 'late' only after it has begun to train"),
        (model_kept, "a Sequential cannot be kept with a trial; the weights of the last fit's"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(function: Any, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        trained(function)


def test_a_declaration_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadInput, match="direction is 'max': take minimize or maximize"):
        Objective.from_optuna(objective, max_epochs=3, direction="max")
    with pytest.raises(BadInput, match=r"the function takes trial, x: study\.optimize's"):
        FromOptuna(lambda trial, x: 0.0)
    with pytest.raises(BadInput, match="the function reads its own data; leave data out"):
        OBJECTIVE.data(Source(arrays=(X, Y)))
    assert OBJECTIVE.judged_by.test_name == "value"
    with pytest.raises(BadInput, match="--trainer xla: the function trains by itself"):
        here(OBJECTIVE, OBJECTIVE.data(Source()), "xla")


def test_optuna_itself_takes_it_too() -> None:
    study = optuna.create_study(pruner=optuna.pruners.NopPruner())
    study.optimize(OBJECTIVE, n_trials=2)
    for trial in study.trials:
        assert trial.value is not None
        assert trial.user_attrs["accuracy"] <= 1
        assert len(trial.intermediate_values) == EPOCHS
        assert objective_value(trial) == trial.value


def objective_value(trial: Any) -> float:
    """Call the function as Optuna would, with the seed that a trial had."""
    keras.utils.set_random_seed(trial.number)

    class Given(Replay):
        def report(self, value: float, step: int) -> None:
            pass

        def should_prune(self) -> bool:
            return False

    return objective(Given(trial.params))


def test_a_sweep_of_it_has_workers_curves_and_an_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = run(SWEEP, workers=1, confirm=2, verbose=False)
    frame = study.trials
    assert len(frame) == 6
    assert set(frame.outcome) <= {"complete", "pruned"}
    complete = frame[frame.outcome == "complete"]
    assert complete.user_attrs_accuracy.notna().all()
    curve = study.curves(0)
    assert len(curve) == EPOCHS
    assert curve["value"].min() == pytest.approx(frame.value[0])
    assert {"loss", "val_loss", "val_accuracy"} <= set(curve)
    study.export("best")
    assert keras.models.load_model("best/model.keras").count_params() > 0
    study.report("report.html")
    assert load(SWEEP).best.params == study.best.params
