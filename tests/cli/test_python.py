"""The Python front: the same sweep, with data in hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sweeps
from objectives import BadInput
from sweeps.cli import python
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP, Scripted


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(python, "make_tracker", lambda *_: NoTracker())
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted())
    return tmp_path


def run(folder: Path, **options: Any) -> sweeps.Study:
    return sweeps.run(SWEEP, folder=folder, workers=0, verbose=False, **options)


def test_a_study_gives_its_trials_best_and_figures(quick: Path) -> None:
    study = run(quick, trials=9, seed=1, confirm=5)
    frame = study.trials
    assert list(frame.index) == list(range(9))
    assert frame.loc[0, "role"] == "baseline"
    whole = frame[frame.confirmed_seeds == 5]
    assert study.best.number == whole.confirmed.idxmin()
    assert study.best.value == frame.value[study.best.number]
    assert study.best.config == study.trial(study.best.number).config
    assert study.figure("history").data
    importances = study.figure("importances")
    assert bool(importances.data) == bool(study.summary["importances"]), "one rule for both"
    assert importances.data or "5 are needed" in importances.layout.title.text
    assert study.summary["confirm"]["repeats"] == 5
    with pytest.raises(BadInput, match="MLflow has no study 'toy'"):
        study.figure("curves")
    with pytest.raises(BadInput, match="no figure 'pie'; there are: history"):
        study.figure("pie")
    with pytest.raises(BadInput, match="no ended trial 99"):
        study.trial(99)
    with pytest.raises(BadInput, match="MLflow has no study 'toy'"):
        study.curves(99)


def test_the_same_call_goes_on_and_load_finds_it(quick: Path) -> None:
    run(quick, trials=3, confirm=0)
    assert len(run(quick, trials=5, confirm=0).trials) == 5
    loaded = sweeps.load(SWEEP, folder=quick)
    assert len(loaded.trials) == 5
    assert "toy: 5 trials" in repr(loaded)
    with pytest.raises(BadInput, match="of a sweep of your own"):
        sweeps.load("toy", folder=quick)
    with pytest.raises(BadInput, match=r"no study 'nix' in this folder; there are: toy"):
        sweeps.load("nix", folder=quick)
    with pytest.raises(BadInput, match=r"sweeps\.run was given 'toy': it takes a Sweep"):
        sweeps.run("toy", folder=quick)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"sweeps\.load was given int: it takes a Sweep"):
        sweeps.load(7, folder=quick)  # type: ignore[arg-type]


def test_arrays_in_hand_are_split_and_named_by_their_digest(quick: Path) -> None:
    x, y = np.random.default_rng(0).random((50, 3)), np.arange(50) % 2
    study = run(quick, data=(x, y), trials=2, confirm=0)
    assert study.name.startswith("toy-arrays-")
    assert [len(part) for part in (study.data.train, study.data.validation)] == [30, 10]
    assert len(run(quick, data=(x, y), trials=3, confirm=0).trials) == 3
    with pytest.raises(BadInput, match="equally many rows"):
        run(quick, data=(x, y[:7]))
    with pytest.raises(BadInput, match="data is int"):
        run(quick, data=7)


def test_an_interruption_gives_the_study_as_far_as_it_got(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hook(spec: Any, epoch: int) -> None:
        if spec.number == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted(hook=hook))
    assert len(run(quick, trials=4).trials) == 2
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted())
    assert len(run(quick, trials=4).trials) == 4
