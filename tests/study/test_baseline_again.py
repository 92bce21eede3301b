"""A baseline that failed is run again; and what a summary counts as spared epochs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from sweeps.cli.text import summary_lines
from sweeps.study.confirm import Confirm
from sweeps.study.ended import baseline_of
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from sweeps.study.summary import summarise
from sweeps.study.sweep import Sweep, no_pruning
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP, Scripted
from tests.study.test_loop import Watching, go, session


def fails_at_first(spec: Any, epoch: int) -> None:
    if spec.number == 0:
        raise RuntimeError("no such column")


def said(found: Session) -> str:
    summary = summarise(found)
    return "\n".join(summary_lines(summary, None, {}, found.data, found.store.space))


def test_a_baseline_that_failed_is_run_again_once_what_broke_it_is_mended(tmp_path: Path) -> None:
    trials = go(tmp_path, Scripted(hook=fails_at_first), trials=4)
    assert [t[1] for t in trials] == ["baseline", "trial", "trial", "trial"]
    with session(tmp_path, trials=4) as found:
        assert "--trials 5 begins with it again" in said(found)
    trials = go(tmp_path, trials=6)
    assert [t[1] for t in trials] == [
        *["baseline", "trial", "trial", "trial"],
        "baseline",
        "trial",
    ]
    assert (trials[4][2], trials[4][4], trials[4][7]) == (trials[0][2], "complete", 20)
    with session(tmp_path, trials=6) as found:
        baseline = baseline_of(found.store.ended())
        assert baseline is not None
        assert baseline == summarise(found).baseline
        assert baseline.number == Confirm(found, repeats=2).race.baseline == 4
        assert "failed, so there is no difference" not in said(found)
    assert [t[1] for t in go(tmp_path, trials=8)][6:] == ["trial", "trial"], "once is enough"


def test_a_baseline_alone_is_confirmed_only_where_that_is_asked_for(tmp_path: Path) -> None:
    def others_fail(spec: Any, epoch: int) -> None:
        if spec.number in (1, 2):
            raise RuntimeError("too wide")

    go(tmp_path, Scripted(hook=others_fail), trials=3)
    with session(tmp_path, trials=3) as found:
        assert Confirm(found).missing() == []
        assert len(Confirm(found, repeats=5).missing()) == 2, "asked for: compare needs it"


@pytest.mark.parametrize(("own", "saved"), [(None, 0.0), (5, 0.0), (30, 0.0)])
def test_epochs_that_a_config_never_asked_for_are_not_saved(
    tmp_path: Path, own: int | None, saved: float
) -> None:
    fit = {"epochs": own} if own else None
    objective = dataclasses.replace(SWEEP.objective, fit=fit, patience=0)
    sweep: Sweep = dataclasses.replace(SWEEP, objective=objective, pruner=no_pruning())
    settings = Settings(folder=tmp_path, trials=3)
    with opened(sweep, settings, lambda *_: Scripted(), lambda *_: NoTracker()) as found:
        found.loop(Watching()).run()
        summary = summarise(found)
    assert summary.epochs == 3 * min(own or 20, 20)
    assert summary.saved == saved
