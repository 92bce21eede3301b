"""Where people get stuck: folders that cannot be written, and folders that are full already."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from pathlib import Path

import pytest

import sweeps
from sweeps.cli import python, readable, report, run_command_line
from sweeps.cli.logs import to_file
from sweeps.cli.spoken import spoken
from sweeps.tracking import NoTracker
from tests.cli.test_command_line import folder, go
from tests.cli.test_printed_commands import Wide
from tests.scripted import SWEEP

__all__ = ["folder"]


@pytest.fixture
def studies(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two studies, in a folder of their own, with a run pruned in the first."""
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Wide())
    monkeypatch.setattr("sweeps.cli.trainers.Reference.of", lambda _: None)
    for module in (report, python):
        monkeypatch.setattr(module, "make_tracker", lambda *_: NoTracker())
    here = folder / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert go("--trials", "24", "--max-epochs", "40", "--confirm", "2") == 0
    assert go("--trials", "3", "--confirm", "2", "--study", "other") == 0
    there = folder / "there"
    shutil.copytree(here, there)  # no connection of this process is open in it
    monkeypatch.chdir(there)
    return there


@pytest.fixture
def unwritable(studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is taken for read-only, for root too, who may write everywhere."""
    monkeypatch.setattr(readable, "writable", lambda _: False)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.usefixtures("unwritable")
def test_nothing_is_written_where_a_folder_is_only_read(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(studies)
    for argv in (
        ["show", "--study", "toy"],
        ["compare", "toy", "other"],
        ["report", "--study", "toy", "--to", str(tmp_path / "page.html")],
        ["export", "--study", "toy", "--to", str(tmp_path / "best")],
    ):
        assert run_command_line(SWEEP, argv) == 0, argv
    assert sweeps.load(SWEEP, study="toy", folder=studies).best.value is not None
    assert (tmp_path / "page.html").exists()
    assert (tmp_path / "best/config.yaml").exists()
    assert "moved or copied" not in capsys.readouterr().out
    assert contents(studies) == before


@pytest.mark.parametrize("argv", [[], ["explain"]])
@pytest.mark.usefixtures("unwritable")
def test_what_has_to_write_says_so(
    studies: Path, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert go(*argv) == 2
    assert f"error: cannot write in {str(studies)!r}: run in a copy" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = logging.root.handlers[:]
    monkeypatch.setattr("sweeps.cli.logs.os.access", lambda *_: False)
    try:
        assert to_file(tmp_path) == Path(os.devnull)
        logging.getLogger("sweeps").warning("a message")
    finally:
        for handler in logging.root.handlers:
            handler.close()
        logging.root.handlers[:] = kept
    assert capfd.readouterr().err == ""
    assert not list(tmp_path.iterdir())


def test_an_export_is_not_overwritten_by_another_trials(
    studies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pruned = [
        n for n, o in sweeps.load(SWEEP, study="toy").trials["outcome"].items() if o == "pruned"
    ]
    asked = ["export", "--study", "toy", "--to", "best"]
    assert go(*asked, "--trial", "0") == 0
    assert go(*asked, "--trial", "baseline") == 0
    capsys.readouterr()
    config = Path("best/config.yaml").read_text()
    assert go(*asked, "--trial", str(pruned[0])) == 2
    assert "--to 'best' holds trial 0 of toy: give another folder, or --force" in (
        capsys.readouterr().err
    )
    assert Path("best/config.yaml").read_text() == config
    assert go(*asked, "--trial", str(pruned[0]), "--force") == 0
    assert f"trial {pruned[0]} of toy, which was pruned after" in capsys.readouterr().out
    Path("best/config.yaml").write_text("format: 1\nconfig: {}\n")
    assert go(*asked) == 2
    assert "holds another config" in capsys.readouterr().err


def test_commands_are_methods_in_python(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = sweeps.load(SWEEP, study="toy")
    assert study.export(tmp_path / "best", trial=0) == tmp_path / "best"
    assert (tmp_path / "best/config.yaml").exists()
    with pytest.raises(sweeps.BadInput, match="or force to replace it with trial 1 of toy"):
        study.export(tmp_path / "best", trial=1)
    page = study.report(tmp_path)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len(study.optuna.trials) == 24
    assert study.optuna.best_value == study.trials["value"].min()
    assert "--" not in repr(study).partition("\ncurves")[0]


@pytest.mark.parametrize(
    ("shell", "python"),
    [
        ("--confirm 5 trains it", "confirm=5 trains it"),
        ("(--confirm 0 skips this)", "(confirm=0 skips this)"),
        ("no improvement (--patience)", "no improvement (patience)"),
        ("wider: --range width=8,16,32", "wider: ranges={'width': [8, 16, 32]}"),
        ("wider: --range rate=0.001:1", "wider: ranges={'rate': (0.001, 1)}"),
        ("--fix activation=relu", "fix={'activation': 'relu'}"),
        ("another with --study NAME", "another with study=NAME"),
        ("export --trial 3 takes it", "export(folder, trial=3) takes it"),
        ("run the same command to resume", "make the same call to resume"),
        ("mlflow ui --backend-store-uri x", "mlflow ui --backend-store-uri x"),
    ],
)
def test_hints_in_python_are_python(shell: str, python: str) -> None:
    assert spoken(shell) == python
