"""Sharing between people: a colleague's config tried, two studies compared."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from sweeps.cli import run_command_line
from sweeps.export.config import Exported, Training, write
from sweeps.tracking.stores import sqlite_url
from tests.cli.test_command_line import folder, go
from tests.scripted import SWEEP, Toy
from tests.tracking.told import by_hand, study

__all__ = ["folder"]


def test_a_colleagues_config_becomes_the_next_trial_once(folder: Path) -> None:
    config = Toy(rate=0.0301, width=16)
    write(Exported(sweep="toy", config=config, training=Training(20)), folder / "theirs.yaml")
    for trials in ("3", "5"):
        assert go("--trials", trials, "--try", "theirs.yaml", "--json", "out.json") == 0
    found = json.loads((folder / "out.json").read_text())
    tried = [t for t in found["top"] if t["role"] == "tried"]
    assert [t["params"]["rate"] for t in tried] == [0.0301]
    assert tried[0]["number"] == 1


def test_comparing_names_both_studies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        assert go("--trials", "3", "--study", name, "--confirm", "2") == 0
    capsys.readouterr()
    assert run_command_line(SWEEP, ["compare", "one", "two", "--json", "gap.json"]) == 0
    printed = capsys.readouterr().out
    assert "one " in printed
    assert "none on any seed" in printed
    assert json.loads((folder / "gap.json").read_text())["better"] is None
    other = dataclasses.replace(SWEEP, name="other")
    assert run_command_line(other, ["compare", "one", "two"]) == 2
    assert "study 'one' is of sweep 'toy', and this is 'other'" in capsys.readouterr().err
    assert run_command_line(SWEEP, ["compare", "one"]) == 2
    assert run_command_line(SWEEP, ["compare", "one", "three"]) == 2


def test_nothing_to_send_is_fine(folder: Path) -> None:
    assert run_command_line(SWEEP, ["sync"]) == 0


def test_sync_finds_the_artifacts_of_a_folder_that_was_moved(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = tmp_path / "old", tmp_path / "new place"
    old.mkdir()
    monkeypatch.chdir(old)
    tracker = by_hand(sqlite_url(old / "mlflow.db"), old / ".sweeps" / "toy")
    tracker.start_study(study())
    tracker.delivery.deliver_all()  # MLflow knows the old place
    (old / "page.html").write_text("a page")
    tracker.end_study({}, files={"report.html": old / "page.html"})
    assert tracker.close(0) > 0
    old.rename(new)
    monkeypatch.chdir(new)
    capsys.readouterr()
    assert run_command_line(SWEEP, ["sync"]) == 0
    said, sent = capsys.readouterr().out.splitlines()
    assert said.startswith("this folder was moved or copied")
    assert str(old) in said
    assert str(new) in said
    assert sent == "toy: 1 item uploaded, up to date"
    assert [file.read_text() for file in (new / "mlruns").rglob("report.html")] == ["a page"]
    assert not old.exists()


def test_sync_says_that_mlflow_could_not_be_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder / "mlflow.db"
    tracker = by_hand(sqlite_url(store), folder / ".sweeps" / "toy")
    tracker.start_study(study())
    tracker.delivery.deliver_all()
    store.write_text("this is no database, " * 100)
    capsys.readouterr()
    assert run_command_line(SWEEP, ["sync"]) == 3
    assert capsys.readouterr().out == "toy: none left, but MLflow could not be asked\n"


def test_another_package_of_that_name_is_told_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = folder / "sweeps-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sweeps\nVersion: 9.9\n")
    assert go("--trials", "1", "--quiet") == 0
    assert "another package" not in capsys.readouterr().err
    monkeypatch.syspath_prepend(str(folder))
    assert go("--trials", "1", "--quiet") == 0
    said = capsys.readouterr().err
    assert "another package called sweeps (9.9)" in said
    assert said.count("\n") == 1
