"""Several monitors on scripted curves: one epoch's values, and the front that Optuna has too."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput, Monitor
from objectives.monitor import several
from objectives.training import Decision, Logs, OnEpoch, TrialResult, TrialSpec, UnknownMonitor
from sweeps.cli.frames import trials_frame
from sweeps.cli.text import counts_text
from sweeps.cli.work import lines
from sweeps.study.confirm import Confirm
from sweeps.study.ended import Ended
from sweeps.study.figures import figure
from sweeps.study.final import score
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.several import front
from sweeps.study.summary import summarise
from sweeps.study.sweep import SAMPLERS
from sweeps.study.winner import winner
from sweeps.tracking import NoTracker
from tests.scripted import OBJECTIVE, SWEEP
from tests.study.test_confirm import Scored
from tests.study.test_loop import Recording, Watching

LOSS, RECALL = Monitor("val_loss", "min"), Monitor("val_recall", "max")
SIZE = Monitor("params", "min")
LIMIT = ("params=80",)


def recall(spec: TrialSpec, epoch: int) -> float:
    """Rise and fall again: its best epoch is not the loss's."""
    return 0.5 + 0.02 * spec.config.width + 0.1 * math.sin(epoch + spec.config.rate)


class Wide(Scored):
    """Scripted epochs with another metric beside the loss."""

    def _one(self, spec: TrialSpec, on_epoch: OnEpoch) -> TrialResult:
        def with_recall(spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
            return on_epoch(spec, epoch, {**logs, "val_recall": self.recall(spec, epoch)})

        return super()._one(spec, with_recall)

    recall = staticmethod(recall)


def study_of(
    folder: Path,
    *monitors: Monitor | str,
    trainer: Any = None,
    tracker: Any = None,
    **settings: Any,
) -> Any:
    sweep = dataclasses.replace(
        SWEEP, objective=dataclasses.replace(OBJECTIVE, monitor=monitors, mode=None)
    )
    return opened(
        sweep,
        Settings(folder=folder, **settings),
        lambda *_: trainer or Wide(),
        lambda *_: tracker or NoTracker(),
    )


def run(folder: Path, *monitors: Monitor | str, **given: Any) -> list[Any]:
    with study_of(folder, *monitors, **given) as study:
        study.loop(Watching()).run()
        return [
            (t.number, t.params, t.outcome, t.value, dict(t.beside)) for t in study.store.ended()
        ]


def test_a_trials_values_are_those_of_its_best_epoch_by_the_first(tmp_path: Path) -> None:
    tracker = Recording()
    with study_of(tmp_path, LOSS, RECALL, SIZE, trials=14, tracker=tracker) as study:
        study.loop(Watching()).run()
        trials, stored = study.store.ended(), study.store.study.get_trials()
        frame = trials_frame(study)
        assert [d.name for d in study.store.study.directions] == [
            "MINIMIZE",
            "MAXIMIZE",
            "MINIMIZE",
        ]
        for ended, trial in zip(trials, stored, strict=True):
            spec = TrialSpec(0, study.store.config(ended.params), ended.seed, 20)
            expected = {
                "val_recall": recall(spec, ended.best_epoch),
                "params": 10 * ended.params["width"],
            }
            assert ended.beside == expected
            assert trial.values == [ended.value, *expected.values()]
            assert tracker.ends[ended.number][1]["trial_val_recall"] == expected["val_recall"]
    assert {t.outcome for t in trials} == {"complete"}, "nothing is pruned"
    assert any(
        t.beside["val_recall"] < max(recall(TrialSpec(0, s, 0, 20), e) for e in range(1, 21))
        for t in trials
        for s in [study.store.config(t.params)]
    )
    assert list(frame.val_recall) == [t.beside["val_recall"] for t in trials]
    assert list(frame["params"]) == [t.beside["params"] for t in trials]


def test_the_front_is_optunas_and_is_shown(tmp_path: Path) -> None:
    with study_of(tmp_path, "val_loss", "params", trials=20) as study:
        study.loop(Watching()).run()
        Confirm(study, 2).run()
        score(study)
        summary = summarise(study)
        said = lines(study, summary)
        best = {t.number for t in study.store.study.best_trials}
        assert summary.front is not None
        points = {point.trial: point.values for point in summary.front.points}
        assert set(points) == best
        losses = [values["val_loss"] for values in points.values()]
        assert losses == sorted(losses)
        assert json.loads(json.dumps(summary.to_json()))["front"]["modes"] == {
            "val_loss": "min",
            "params": "min",
        }
        assert winner(study) is not None
        for name in ("history", "importances", "parallel", "slice", "contour"):
            assert figure(study.store.study, name, "val_loss") is not None
    for number in best:
        assert any(line.startswith(f"  #{number:<4} ") for line in said)
    assert any("Pareto front" in line for line in said)


def test_a_study_of_several_repeats_resumes_and_is_another_study(tmp_path: Path) -> None:
    whole = run(tmp_path / "a", LOSS, SIZE, trials=16)
    run(tmp_path / "b", LOSS, SIZE, trials=7)
    assert run(tmp_path / "b", LOSS, SIZE, trials=16) == whole
    with pytest.raises(BadInput, match=r"further monitors = params \(min\).* asks for none"):
        run(tmp_path / "b", LOSS, trials=16)
    with pytest.raises(BadInput, match=r"asks for val_recall \(max\)"):
        run(tmp_path / "b", LOSS, RECALL, trials=16)


def test_a_limit_and_a_monitor_of_one_cost_go_together(tmp_path: Path) -> None:
    found = run(tmp_path, LOSS, SIZE, trials=20, limit=LIMIT)
    wide = [number for number, params, *_ in found if params["width"] > 8]
    assert wide == [number for number, _, outcome, *_ in found if outcome == "infeasible"]
    with study_of(tmp_path, LOSS, SIZE) as study:
        summary = summarise(study)
        assert {t.number for t in study.store.study.best_trials} == {
            point.trial for point in summary.front.points
        }
        assert not set(wide) & {point.trial for point in summary.front.points}
        assert "infeasible" in counts_text(summary.counts)


@pytest.mark.parametrize("name", ["random", "qmc", "tpe"])
def test_samplers_of_several_values_go_on(name: str, tmp_path: Path) -> None:
    assert len(run(tmp_path, LOSS, RECALL, trials=14, sampler=SAMPLERS[name])) == 14


def test_a_sampler_of_one_value_is_refused_before_a_study_is_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="knows one monitor alone, and there are 2"):
        run(tmp_path, LOSS, RECALL, sampler=SAMPLERS["cmaes"])
    assert not (tmp_path / "optuna.db").exists()


def test_a_further_monitor_that_is_missing_or_never_finite(tmp_path: Path) -> None:
    with pytest.raises(UnknownMonitor, match="'val_recal' is not a metric of this model, did you"):
        run(tmp_path / "a", LOSS, Monitor("val_recal", "max"))

    class Broken(Wide):
        recall = staticmethod(lambda spec, epoch: math.nan)

    found = run(tmp_path / "b", LOSS, RECALL, trials=2, trainer=Broken())
    assert [(outcome, value) for *_, outcome, value, _ in found] == [("diverged", None)] * 2


def test_another_monitor_on_the_command_line_decides_alone(tmp_path: Path) -> None:
    with study_of(tmp_path, LOSS, SIZE, monitor="val_loss", trials=3) as study:
        study.loop(Watching()).run()
        assert len(study.store.study.directions) == 1
    with study_of(tmp_path / "b", LOSS, monitor="val_loss,params", trials=3) as study:
        study.loop(Watching()).run()
        assert study.sweep.objective.monitors == (LOSS, SIZE)


@pytest.mark.parametrize(
    ("monitors", "why"),
    [
        ((LOSS, LOSS), "'val_loss' is given twice"),
        ((SIZE, LOSS), "comes first, and no epoch changes it"),
        ("params", "comes first, and no epoch changes it"),
        ((LOSS, "val_own"), "'val_own' is no loss or metric of Keras's"),
        ((), "name one or more"),
    ],
)
def test_what_cannot_be_monitored_is_refused(monitors: Any, why: str) -> None:
    with pytest.raises(BadInput) as refused:
        dataclasses.replace(OBJECTIVE, monitor=monitors, mode=None)
    assert why in str(refused.value)


def test_monitors_are_read_in_every_form() -> None:
    assert several("val_loss, params") == several((LOSS, SIZE)) == several(["val_loss", "params"])
    assert several(RECALL) == [RECALL]
    assert several("val_own", "max") == [Monitor("val_own", "max")]


@given(
    st.lists(
        st.tuples(*[st.integers(0, 4).map(float)] * 3, st.booleans()), min_size=1, max_size=12
    )
)
def test_no_trial_of_the_front_is_beaten_and_every_other_one_is(rows: Any) -> None:
    import optuna

    monitors = (LOSS, RECALL, SIZE)
    study = optuna.create_study(directions=[one.direction for one in monitors])
    trials = []
    for number, (*values, complete) in enumerate(rows):
        state = optuna.trial.TrialState.COMPLETE if complete else optuna.trial.TrialState.PRUNED
        study.add_trial(
            optuna.trial.create_trial(state=state, values=values if complete else None)
        )
        trials.append(
            Ended(
                number, "trial", {}, 0, "complete" if complete else "pruned", values[0], 1, 1, 0.1,
                beside={"val_recall": values[1], "params": values[2]},
            )
        )  # fmt: skip
    assert sorted(t.number for t in front(trials, monitors)) == sorted(
        t.number for t in study.best_trials
    )
    assert np.isfinite([t.reached for t in front(trials, monitors)]).all()
