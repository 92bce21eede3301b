"""The store as Optuna's own figures and its dashboard read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.study.final import score
from sweeps.study.session import Session
from sweeps.study.shown import DRAWN, asked, drawn, reported
from sweeps.study.sweep import successive_halving
from tests.scripted import Scripted
from tests.study.test_loop import Watching, go, session


def on_disk(opened: Session) -> optuna.Study:
    opened.store.flush()
    url = opened.settings.storage_url()
    return optuna.load_study(study_name=opened.name, storage=url)


@given(st.integers(1, 5000))
def test_a_curve_is_drawn_from_its_first_to_its_last_epoch(max_epochs: int) -> None:
    steps = sorted(drawn(max_epochs))
    assert (steps[0], steps[-1]) == (1, max_epochs)
    assert min(DRAWN, max_epochs) <= len(steps) <= 2 * DRAWN
    rungs = successive_halving().rungs(max_epochs)
    assert reported(max_epochs, rungs) >= {*rungs, 1, max_epochs}
    # A pruner of Optuna's that reads off how far trials go shall not read another number.
    every = range(1, max_epochs)
    assert reported(max_epochs, every) == {*every, 1}


def test_figures_of_optuna_show_curves_and_what_varied(tmp_path: Path) -> None:
    from optuna.visualization import plot_intermediate_values, plot_param_importances

    fixed = ("schedule=false", "width=8")
    with session(tmp_path, trials=30, fix=fixed) as opened:
        opened.loop(Watching()).run()
        score(opened)
        study = on_disk(opened)
        ended = opened.store.ended()
    curves = plot_intermediate_values(study).data
    assert len(curves) == 30
    for curve, trial in zip(curves, ended, strict=True):
        steps = set(range(1, trial.epochs + 1))  # few epochs: all of them
        assert set(curve.x) == steps
        assert list(curve.y) == sorted(curve.y, reverse=True)  # the best so far
        assert curve.y[-1] == trial.value
    assert study.metric_names == ["val_loss"]
    assert list(plot_param_importances(study).data[0].y) == ["rate"]
    for trial in study.trials:
        assert trial.params.keys() == {"rate"}
        assert trial.user_attrs["fixed"] == {"schedule": False, "width": 8}
        assert list(asked(trial)) == ["schedule", "rate", "width"]
    assert study.trials[0].user_attrs["run_name"] == "000 baseline"
    assert study.user_attrs["best"]["trial"] == study.best_trial.number
    assert study.user_attrs["best"]["val_loss"] == study.best_value


@pytest.mark.parametrize("seed", [0, 1])
def test_reports_that_only_draw_a_curve_change_no_decision(
    tmp_path: Path, monkeypatch: Any, seed: int
) -> None:
    def script(spec: Any, epoch: int) -> float:
        waits = spec.number % 3 * 7
        return 1.0 - 1e-4 * epoch if epoch < waits else 1.0 / (epoch + spec.config.width)

    drawn_too = go(tmp_path / "drawn", Scripted(script), trials=40, seed=seed)
    monkeypatch.setattr("sweeps.study.shown.drawn", lambda _: frozenset({1}))
    assert go(tmp_path / "rungs", Scripted(script), trials=40, seed=seed) == drawn_too
    assert {t[4] for t in drawn_too} == {"complete", "pruned"}


def test_a_study_that_has_fixed_parameters_keeps_them(tmp_path: Path, monkeypatch: Any) -> None:
    """Studies that an earlier version made: a sampler shall find every trial alike."""
    one_value: dict[str, Any] = {"trials": 8, "fix": ("width=8",), "seed": 5}
    whole = go(tmp_path / "new", **one_value | {"trials": 12})
    with monkeypatch.context() as before:
        before.setattr("optuna.distributions.IntDistribution.single", lambda self: False)
        go(tmp_path / "old", **one_value)
    assert go(tmp_path / "old", **one_value | {"trials": 12}) == whole
    with session(tmp_path / "old") as opened:
        assert all("width" in trial.params for trial in on_disk(opened).trials)
