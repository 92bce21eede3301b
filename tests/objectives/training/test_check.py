"""The guard: a structure's first steps are compared with `fit`'s."""

from __future__ import annotations

import logging
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives.training import Decision, Outcome, TrialSpec, here
from tests.objectives.training.compare import Case, numbers

keras = pytest.importorskip("keras")
kinds = pytest.importorskip("tests.objectives.training.kinds")
pytestmark = pytest.mark.slow

BUILDS: list[float] = []


def drifting(value: float, data: Any) -> Any:
    """Every build's factor is its own: a trial is not repeatable, and no two models agree."""
    BUILDS.append(len(BUILDS) + 1.0)
    return kinds.sequential(kinds.Scaled(BUILDS[-1]))


def right(rate: float, data: Any) -> Any:
    return kinds.sequential(
        keras.layers.Dense(3, "relu"),
        keras.layers.Dropout(0.3, seed=1),
        optimizer=keras.optimizers.Adam(rate),
        metrics=["mae"],
    )


def run(case: Case, way: str = "auto", configs: Any = None, **spec: Any) -> list[Any]:
    trainer = here(case.objective, case.data(), way)
    specs = [
        TrialSpec(n, {"value": config}, 5, 2, **spec)
        for n, config in enumerate(configs or case.configs)
    ]
    results = list(trainer.train(iter(specs), lambda *_: Decision.CONTINUE))
    trainer.close()
    for result in results:
        assert result.outcome is Outcome.COMPLETE, result.error
    return results


RIGHT = Case(right, [0.01, 0.1], numbers)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What every comparison has found."""
    from objectives.training import check

    found: list[Any] = []
    own = check.difference

    def difference(*given: Any) -> Any:
        found.append(own(*given))
        return found[-1]

    monkeypatch.setattr(check, "difference", difference)
    return found


@pytest.mark.parametrize("way", ["auto", "graph", "xla"])
def test_a_right_program_is_compared_once_on_a_machine(way: str, compared: list[Any]) -> None:
    for _ in range(2):
        assert [each.fallback for each in run(RIGHT, way)] == [None, None]
    assert compared == [None]


def test_nets_that_differ_in_width_alone_are_compared_once(compared: list[Any]) -> None:
    def build(shape: Any, data: Any) -> Any:
        width, activation = shape
        return kinds.sequential(keras.layers.Dense(width, activation))

    run(Case(build, [(3, "relu"), (5, "relu"), (3, "tanh")], numbers), "graph")
    assert compared == [None, None]


@pytest.mark.parametrize("own", [False, True])
def test_only_code_of_kerass_own_runs_eagerly(
    own: bool, compared: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives.training import check

    eager: list[bool] = []
    plain = check._by_fit

    def by_fit(*given: Any, eagerly: bool) -> Any:
        eager.append(eagerly)
        return plain(*given, eagerly=eagerly)

    monkeypatch.setattr(check, "_by_fit", by_fit)
    run(Case(kinds.scaled, [2.0], numbers) if own else RIGHT, "graph")
    assert (eager, compared) == ([not own], [None])


def test_what_python_sees_in_a_batch_alone_goes_to_fit(compared: list[Any]) -> None:
    class Doubled(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs if inputs.shape[0] is None else 2.0 * inputs

    def build(rate: float, data: Any) -> Any:
        return kinds.sequential(Doubled(), optimizer=keras.optimizers.SGD(rate))

    (result,) = run(Case(build, [0.01], numbers))
    assert "its first steps differ from fit's: loss is " in (result.fallback or "")


def test_the_next_process_compares_no_net_of_the_same_code(compared: list[Any]) -> None:
    def build(width: int, data: Any) -> Any:
        return kinds.sequential(keras.layers.Dense(width))

    for width in (3, 5):
        run(Case(build, [width], numbers), "graph")
    assert compared == [None]


def test_changed_code_is_compared_anew(
    compared: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from objectives.training import check

    for width, code in ((3, "before"), (5, "after")):
        monkeypatch.setattr(check, "_code", lambda build, code=code: code)
        run(Case(lambda n, data: kinds.sequential(keras.layers.Dense(n)), [width], numbers))
    assert compared == [None, None]


def test_the_users_models_are_compared_and_not_those_of_the_package() -> None:
    from objectives import Objective
    from objectives.training.check import users
    from sweeps.dense_binary import SWEEP

    def build(trial: Any) -> Any: ...

    assert users(Objective(load=None, build=build))  # type: ignore[arg-type]
    assert users(RIGHT.objective)
    assert not users(SWEEP.objective)


def test_the_code_of_build_is_its_file(tmp_path: Path) -> None:
    from objectives import Objective
    from objectives.training.check import _code

    file, found = tmp_path / "own.py", set()
    for text in ("def build(trial): ...", "def build(trial): ...  # changed"):
        file.write_text(text)
        build = runpy.run_path(str(file))["build"]
        found |= {_code(build), _code(Objective(load=None, build=build).build)}  # type: ignore[arg-type]
    assert len(found) == 2
    assert None not in found
    assert _code(print) is None


def test_the_trial_after_a_comparison_has_the_digits_of_one_without(compared: list[Any]) -> None:
    checked, unchecked = (run(RIGHT, check=check) for check in (True, False))
    assert [each.value for each in checked] == [each.value for each in unchecked]
    assert compared == [None]


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program's validation takes its metric from elsewhere."""
    from objectives.training.program import Program

    own = Program._run

    def run(self: Any, order: Any, limits: Any) -> Any:
        logs = own(self, order, limits)
        return logs | {"val_mae": logs["val_mae"] * 1.01}

    monkeypatch.setattr(Program, "_run", run)


def test_a_wrong_program_goes_to_fit_with_one_line(
    wrong: None, compared: list[Any], caplog: pytest.LogCaptureFixture, nothing_known: Path
) -> None:
    with caplog.at_level(logging.WARNING, logger="sweeps"):
        results = run(RIGHT, "graph")
    (line,) = compared
    assert line.startswith("its first steps differ from fit's: val_mae is ")
    assert [each.fallback for each in results] == [line, line]
    assert [each.extra["way"] for each in results] == ["fit", "fit"]
    own = [each for each in caplog.records if each.name == "sweeps"]
    assert [each.getMessage().count(line) for each in own] == [1]
    run(RIGHT, "graph", [0.01])
    assert len(compared) == 2, "it is compared anew by the next process"


def test_without_the_check_nothing_is_compared(wrong: None, compared: list[Any]) -> None:
    assert [each.fallback for each in run(RIGHT, "graph", check=False)] == [None, None]
    assert compared == []


def test_models_that_differ_from_build_to_build_are_found(compared: list[Any]) -> None:
    (result,) = run(Case(drifting, [1.0], numbers))
    assert "its first steps differ from fit's: loss is " in (result.fallback or "")


def test_other_logs_are_named(monkeypatch: pytest.MonkeyPatch, compared: list[Any]) -> None:
    from objectives.training.program import Program

    own = Program._run
    monkeypatch.setattr(Program, "_run", lambda self, *given: own(self, *given) | {"val_f": 0.0})
    run(RIGHT, "graph")
    assert compared == ["its first steps have other logs than fit's: val_f"]


def test_a_metric_that_is_not_a_number_by_both_is_no_difference(compared: list[Any]) -> None:
    def build(value: float, data: Any) -> Any:
        def nothing(y: Any, predicted: Any) -> Any:
            return predicted[:, 0] * np.nan

        return kinds.sequential(metrics=[nothing])

    assert run(Case(build, [1.0], numbers))[0].fallback is None
    assert compared == [None]


def test_metrics_without_a_name_are_compared(compared: list[Any]) -> None:
    def build(value: float, data: Any) -> Any:
        return kinds.sequential(kinds.Scaled(value), metrics=[keras.metrics.MeanSquaredError()])

    assert [each.fallback for each in run(Case(build, [1.0, 2.0], numbers))] == [None, None]
    assert compared == [None]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_and_a_schedule_are_compared(policy: str, compared: list[Any]) -> None:
    def build(value: float, data: Any) -> Any:
        keras.mixed_precision.set_global_policy(policy)
        schedule = keras.optimizers.schedules.ExponentialDecay(value, 5, 0.9)
        return kinds.sequential(
            keras.layers.Dense(8, "relu"), optimizer=keras.optimizers.Adam(schedule)
        )

    assert run(Case(build, [0.01], numbers))[0].fallback is None
    assert compared == [None]
