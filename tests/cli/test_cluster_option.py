"""`--cluster` refuses what no machine could train, in one line."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

import sweeps
from objectives import BadInput
from sweeps.cli import run_command_line
from sweeps.cluster.ray_engine import RayEngine
from sweeps.study.sole_driver import lock
from sweeps.tracking.stores import sqlite_url
from tests.cli.test_command_line import folder, go
from tests.scripted import OBJECTIVE, SWEEP

__all__ = ["folder"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--cluster auto --workers 0", "--workers 0 trains in this process: give 1 or more"),
        ("--cluster head", "--cluster head: it must be auto, HOST:PORT or ray://HOST:PORT"),
        ("--cluster auto --per-gpu 0", "--per-gpu 0: it must be a whole number, 1 or more"),
        ("--per-gpu 2", "--per-gpu 2 is for workers on GPUs: add --device gpu"),
    ],
)
def test_a_mistake_is_said_before_anything_starts(
    options: str,
    expected: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command_line(SWEEP, options.split()) == 2
    shown = capsys.readouterr()
    assert expected in shown.err
    assert not (folder / "optuna.db").exists()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of a cluster that has no room."""

    def start(engine: RayEngine, orders: Any, places: int) -> int:
        raise BadInput("other work uses all cores")

    monkeypatch.setattr(RayEngine, "start", start)
    with socket.create_server(("127.0.0.1", 0)) as head:
        yield f"127.0.0.1:{head.getsockname()[1]}"


def test_what_needs_no_cluster_is_said_before_there_is_room(
    full: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "2") == 0
    with lock(folder / ".sweeps" / "toy", "toy"):
        assert run_command_line(SWEEP, ["--trials", "3", "--cluster", full]) == 2
    assert "'toy' is being run by another process" in capsys.readouterr().err
    assert run_command_line(SWEEP, ["--trials", "2", "--cluster", full]) == 0
    assert run_command_line(SWEEP, ["--trials", "3", "--cluster", full]) == 2
    assert "other work uses all cores" in capsys.readouterr().err
    assert go("--trials", "3") == 0


def test_a_study_for_which_there_is_no_room_is_not_made(
    full: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(SWEEP, ["--trials", "2", "--cluster", full]) == 2
    assert "other work uses all cores" in capsys.readouterr().err
    assert not (folder / ".sweeps" / "toy").exists()
    assert go("--trials", "2", "--seed", "3") == 0


def test_a_trial_that_was_interrupted_outlives_a_cluster_without_room(
    full: str, folder: Path
) -> None:
    assert go("--trials", "1") == 0
    (study,) = optuna.get_all_study_summaries(sqlite_url(folder / "optuna.db"))
    name, url = study.study_name, sqlite_url(folder / "optuna.db")
    storage = optuna.storages.RDBStorage(url)
    with sqlite3.connect(folder / "optuna.db") as store:  # as if it had been killed in its first
        store.execute("UPDATE trials SET state = 'RUNNING', datetime_complete = NULL")
    storage.remove_session()
    assert run_command_line(SWEEP, ["--trials", "1", "--cluster", full]) == 2
    left = optuna.load_study(study_name=name, storage=url)
    assert [trial.state.name for trial in left.trials] == ["RUNNING"]
    assert (folder / ".sweeps" / "toy").is_dir()


def test_a_sweep_of_a_notebook_cannot_reach_other_machines(tmp_path: Path) -> None:
    local = sweeps.Sweep("local", OBJECTIVE)
    with pytest.raises(BadInput, match="'local' is no global of a module or a file"):
        sweeps.run(local, cluster="auto", folder=tmp_path, verbose=False)
