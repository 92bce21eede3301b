"""Several monitors and a limit on real nets: what is stored is what Keras measures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from objectives import Monitor, Source
from search_spaces import Space, Trial
from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.study.several import front
from sweeps.study.sweep import Sweep
from sweeps.tracking import NoTracker
from tests.objectives.training.small_objective import SMALL, Small, data
from tests.study.test_loop import Watching

pytest.importorskip("keras")
pytestmark = pytest.mark.slow


def suggest(trial: Trial) -> Small:
    return Small(width=trial.suggest_categorical("width", [2, 4, 8, 16]))


@pytest.mark.parametrize("folds", [0, 2])
def test_values_are_of_one_epoch_and_none_is_beyond_the_limit(folds: int, tmp_path: Path) -> None:
    """Of a trial in folds, the model is that of all its nets."""
    from objectives.training import here

    class Seen(Watching):
        curves: dict[int, list[Any]] = {}  # noqa: RUF012

        def epoch(self, spec: Any, epoch: int, logs: Any) -> None:
            self.curves.setdefault(spec.number, []).append(dict(logs))

    monitors = (Monitor("val_loss", "min"), Monitor("val_accuracy", "max"), "params", "flops")
    space = Space(suggest, Small(width=4), lambda config: {"width": config.width})
    objective = dataclasses.replace(SMALL, space=space, monitor=monitors, max_epochs=5)
    if folds:
        rows = data().train
        objective = dataclasses.replace(objective, load=lambda _: (rows.x, rows.y))
    nets = folds or 1
    sweep = Sweep("small", objective, limits={"params": 60 * nets})
    make = lambda objective, data, *_: here(objective, data, "graph")  # noqa: E731
    settings = Settings(folder=tmp_path, trials=6, source=Source(folds=folds))
    with opened(sweep, settings, make, lambda *_: NoTracker()) as study:
        study.loop(seen := Seen()).run()
        trials = study.store.ended()
        best = {trial.number for trial in study.store.study.best_trials}
        assert {t.number for t in front(trials, study.sweep.objective.monitors)} == best
    assert {t.outcome for t in trials} == {"complete", "infeasible"}
    for trial in trials:
        width = trial.params["width"]
        size = nets * (5 * width + width + width + 1)
        infeasible = trial.outcome == "infeasible"
        assert trial.metrics["params"] == size
        assert infeasible == (size > 60 * nets) == (trial.number not in seen.curves)
        if trial.outcome == "complete":
            logs = seen.curves[trial.number][(trial.best_epoch or 0) - 1]
            assert trial.value == logs["val_loss"]
            assert trial.beside == {
                "val_accuracy": logs["val_accuracy"],
                "params": size,
                "flops": nets * 2 * (5 * width + width),
            }
