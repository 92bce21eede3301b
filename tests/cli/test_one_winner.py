"""One winner, named alike by everything that names one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sweeps
from objectives.training import Logs, TrialSpec
from objectives.training.progress import save_weights
from sweeps.cli import report, run, run_command_line
from sweeps.study.sweep import no_pruning
from sweeps.tracking import NoTracker
from tests.cli.test_command_line import folder, go
from tests.scripted import SWEEP, Scripted

__all__ = ["folder"]

OWN = {0: 0.9, 1: 0.5, 2: 0.4, 3: 0.35, 4: 0.30, 5: 0.1, 6: 0.2, 7: 0.25}  # on one seed
TRUE = {0: 0.9, 1: 0.5, 2: 0.45, 3: 0.2, 4: 0.201, 5: 0.6, 6: 0.55, 7: 0.58}  # on average
SIZES = {3: 900, 4: 30}


def confirms(spec: TrialSpec) -> bool:
    return spec.weights is not None and spec.weights.parent.name == "confirm"


class Lucky(Scripted):
    """Trial 5 is the luckiest and bad; 3 and 4 are level and good, and 4 is smaller."""

    def __init__(self) -> None:
        super().__init__(script=self.value)

    @staticmethod
    def value(spec: TrialSpec, epoch: int) -> float:
        if not confirms(spec):
            return OWN[spec.number]
        number, seed = divmod(spec.number, 100)
        return TRUE[number] + 0.005 * (-1) ** (number + seed)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        if confirms(spec):
            save_weights(spec.weights, [np.zeros(SIZES.get(spec.number // 100, 99))])
        if model is not None:
            model.write_text("a model")
        return {"test_loss": self.value(spec, 1)}


class Marked(NoTracker):
    """Remembers which run is green, and what the parent says."""

    best: int | None = None
    metrics: dict[str, float] = {}  # noqa: RUF012

    def mark_best(self, number: int, also: Any = ()) -> None:
        Marked.best = number

    def end_study(self, metrics: Any, **_: Any) -> None:
        Marked.metrics = dict(metrics)


@pytest.fixture
def lucky(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Lucky())
    monkeypatch.setattr("sweeps.cli.trainers.Reference.of", lambda _: None)  # no other process
    monkeypatch.setattr(run, "make_tracker", lambda *_: Marked())
    monkeypatch.setattr(report, "make_tracker", lambda *_: NoTracker())
    return folder


def test_everything_names_the_trial_with_the_best_confirmed_mean(
    lucky: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    five = ("--pruner", "none", "--confirm", "5")
    assert go("--trials", "5", *five) == 0  # 1 to 4 are confirmed
    assert go("--trials", "8", "--json", "out.json") == 0  # and 5, 6 and 7, which had luck
    printed = capsys.readouterr().out
    found = json.loads((lucky / "out.json").read_text())
    winner = found["confirm"]["trials"][0]["number"]
    assert winner in (3, 4)
    assert found["top"][0]["number"] == 5
    means = {one["number"]: one["mean"] for one in found["confirm"]["trials"]}
    assert set(means) == set(TRUE)
    assert means[winner] == min(means.values())
    assert found["best"]["number"] == found["final"]["trial"] == winner
    assert Marked.best == Marked.metrics["best_trial"] == winner
    assert Marked.metrics["best_val_loss"] == OWN[winner]
    assert Marked.metrics["best_confirmed_val_loss"] == means[winner]
    assert Marked.metrics["test_loss"] == OWN[winner]
    assert f"best     #{winner} " in printed
    assert set(found["confirm"]["ties"]) == {3, 4}
    assert "no clear difference between #" in printed
    assert "the smallest of them is #4 (30 weights)" in printed
    study = sweeps.load(SWEEP, folder=lucky)
    assert study.best.number == winner
    assert study.best.confirmed == means[winner]
    assert study.trials.confirmed.idxmin() == winner
    assert set(study.trials.index[study.trials.confirmed.notna()]) == set(means)
    assert go("export", "--to", "best") == 0
    assert f"trial {winner} of toy: val_loss {means[winner]:.4g} on average of 5 fresh seeds" in (
        capsys.readouterr().out
    )
    assert f"confirmed_val_loss: {means[winner]}" in (lucky / "best/config.yaml").read_text()
    assert go("report", "--to", "page.html") == 0
    page = (lucky / "page.html").read_text()
    assert f"Trial {winner} beats the baseline" in page
    assert "Confirmed on fresh seeds" in page
    assert f"<td>{means[5]:.4g}</td>" in page


def test_a_winner_that_nothing_has_confirmed_is_called_so(
    lucky: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "8", "--pruner", "none", "--confirm", "0") == 0
    assert "#5 is unconfirmed: " in capsys.readouterr().out
    assert go("export", "--to", "best") == 0
    assert "trial 5 of toy: unconfirmed, val_loss 0.1 on its one seed" in capsys.readouterr().out
    assert go("report", "--to", "page.html") == 0
    assert "Unconfirmed: " in (lucky / "page.html").read_text()
    assert "unconfirmed" in repr(sweeps.load(SWEEP, folder=lucky).best)
    assert go("--trials", "8", "--confirm", "2") == 0
    assert "unconfirmed" not in capsys.readouterr().out


def test_a_lead_that_is_not_confirmed_is_named_and_does_not_win(
    lucky: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "5", "--pruner", "none") == 0
    capsys.readouterr()
    assert go("--trials", "8", "--confirm", "0") == 0
    printed = capsys.readouterr().out
    assert "#5 has a better value on its one seed, and is not confirmed" in printed
    assert sweeps.load(SWEEP, folder=lucky).best.number in (3, 4)


def test_python_names_it_too(lucky: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.cli.python.make_tracker", lambda *_: NoTracker())
    study = sweeps.run(
        SWEEP, folder=lucky, trials=8, workers=0, verbose=False, pruner=no_pruning(), confirm=5
    )
    assert study.best.number != 5
    assert study.summary["best"]["number"] == study.best.number
    assert run_command_line(SWEEP, ["show"]) == 0
