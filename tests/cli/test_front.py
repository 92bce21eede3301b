"""A study of several monitors, as the command line, Python, the report and MLflow show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest

import sweeps
from objectives import BadInput, Objective
from objectives.training import Logs
from sweeps.cli import report, run, run_command_line
from sweeps.cli.listing import listing
from sweeps.study.sweep import Sweep
from sweeps.tracking import NoTracker
from tests.scripted import OBJECTIVE, SPACE, Scripted, build, load

SWEEP = Sweep(
    "toy", Objective(space=SPACE, load=load, build=build, monitor=("val_loss", "params"))
)


class Exporting(Scripted):
    def evaluate(self, spec: Any, model: Path | None = None) -> Logs:
        if model is not None:
            model.write_text("a model")
        return super().evaluate(spec, model)


class Marked(NoTracker):
    """Remembers which runs are green."""

    best: tuple[int, list[int]]

    def mark_best(self, number: int, also: Any = ()) -> None:
        Marked.best = number, list(also)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "make_tracker", lambda *_: Marked())
    monkeypatch.setattr(report, "make_tracker", lambda *_: NoTracker())
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Exporting())
    monkeypatch.setattr("sweeps.cli.trainers.Reference.of", lambda _: None)  # no other process
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, _: folder / "log")
    return tmp_path


def go(*argv: str) -> int:
    return run_command_line(SWEEP, list(argv))


def test_the_front_is_said_written_marked_and_exported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "14", "--confirm", "2", "--workers", "0", "--json", "out.json") == 0
    printed = capsys.readouterr().out
    found = json.loads((folder / "out.json").read_text())
    front = [point["trial"] for point in found["front"]["points"]]
    assert "monitors: val_loss (lower is better), params (lower is better), all at" in printed
    assert "pruner: none with several monitors" in printed
    assert f"Pareto front: {len(front)} of the complete trials" in printed
    assert "chosen by val_loss alone" in printed
    assert found["counts"] == {"complete": 14}
    assert Marked.best == (found["best"]["number"], front)

    study = sweeps.load(SWEEP, folder=folder)
    assert [one.number for one in study.best_trials] == front
    assert {trial.number for trial in study.optuna.best_trials} == set(front)
    assert set(study.trials.columns) >= {"value", "params"}

    capsys.readouterr()
    assert go("export", "--to", "best") == 0
    said = capsys.readouterr().out
    assert f"trial {found['best']['number']} of toy" in said
    assert "--trial N takes another. Pareto front of val_loss, params: #" in said
    other = next(number for number in front if number != found["best"]["number"])
    assert go("export", "--to", "other", "--trial", str(other)) == 0
    assert f"trial {other} of toy" in capsys.readouterr().out

    assert go("report", "--to", "page.html") == 0
    page = (folder / "page.html").read_text()
    assert "Pareto front of val_loss, params: #" in page
    assert any("toy  14 trials, best val_loss" in line for line in listing(folder))


def test_comparing_says_which_monitor_it_looks_at(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        assert go("--trials", "2", "--study", name, "--workers", "0", "--confirm", "2") == 0
    capsys.readouterr()
    assert go("compare", "one", "two") == 0
    assert "compared by val_loss, the first of 2 monitors" in capsys.readouterr().out


def test_several_are_asked_for_on_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    single = Sweep("toy", OBJECTIVE)
    given = ["--trials", "4", "--workers", "0", "--confirm", "0"]
    assert run_command_line(single, [*given, "--monitor", "val_loss,params"]) == 0
    assert "Pareto front" in capsys.readouterr().out
    assert run_command_line(single, ["show"]) == 0, "it is remembered"
    assert "Pareto front" in capsys.readouterr().out
    assert run_command_line(single, [*given, "--monitor", "val_loss"]) == 2
    assert "further monitors = params (min)" in capsys.readouterr().err
    assert run_command_line(single, [*given, "--monitor", "params,val_loss"]) == 2
    assert "--monitor params,val_loss" in capsys.readouterr().err


def test_the_first_monitor_prunes_where_it_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--workers", "0", "--confirm", "0", "--prune-by", "val_loss"]
    assert go("--trials", "14", *given) == 0
    printed = capsys.readouterr().out
    assert "pruner: halving, by val_loss alone" in printed
    assert "pruned" in printed
    assert "may be luck: --confirm 3 trains it on fresh seeds" in " ".join(printed.split()), (
        printed
    )
    assert go("--trials", "14", "--confirm", "2") == 0, "it is remembered"
    printed = capsys.readouterr().out
    assert "pruner: halving, by val_loss alone" in printed
    assert "on fresh seeds, means:" in printed
    assert go("--trials", "14", "--prune-by", "params") == 2
    assert "only the first monitor decides, val_loss" in capsys.readouterr().err


def test_a_plain_optuna_study_gets_all_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objectives.training.here", lambda *_: Scripted())
    objective = SWEEP.objective
    with pytest.raises(BadInput, match=r"directions=\['minimize', 'minimize'\]"):
        optuna.create_study().optimize(objective, n_trials=1)
    study = optuna.create_study(directions=["minimize", "minimize"])
    study.optimize(objective, n_trials=3)
    for trial in study.trials:
        assert trial.values[1] == 10 * trial.params["width"]
