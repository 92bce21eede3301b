"""`keras-sweeps` and `python -m sweeps`: one program for every built-in sweep."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from objectives import BadInput
from sweeps import __main__ as console
from sweeps import __version__
from sweeps.cli import program_name, run_command_line, typed
from tests.scripted import SWEEP

ROOT = Path(__file__).parents[2]


def test_the_installed_command_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, name = project["scripts"]["keras-sweeps"].split(":")
    monkeypatch.setattr("sys.argv", ["keras-sweeps", "--version"])
    with pytest.raises(SystemExit) as ended:
        getattr(import_module(module), name)()
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 0, "  dense_binary "),
        (["list"], 0, "no study in this folder yet"),
        (["--help"], 0, "usage: "),
        (["--version"], 0, f"keras-sweeps {__version__}\n"),
        (["dense_binary", "export", "--help"], 0, "dense_binary export [options]"),
        (["dense_binry"], 2, "no sweep or command 'dense_binry' (did you mean dense_binary?); "),
        (["nonsense", "--help"], 2, "there are: dense_binary, dense_multiclass"),
        (["dense_binary", "show"], 2, "there is no study in this folder yet"),
        (["dense_binary", "nonsense", "--help"], 2, "there are: run, show, report"),
    ],
)
def test_what_is_asked_for_is_said(
    argv: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, _: folder / "log")
    assert console.main(argv) == code
    found = capsys.readouterr()
    shown, other = (found.err, found.out) if code else (found.out, found.err)
    assert said in shown
    assert other == ""


@pytest.mark.parametrize(
    ("started", "program", "mlflow"),
    [
        ("/opt/env/bin/keras-sweeps", "keras-sweeps", "mlflow"),
        (".venv/bin/keras-sweeps", ".venv/bin/keras-sweeps", ".venv/bin/mlflow"),
    ],
)
def test_printed_commands_name_the_program_as_it_was_started(
    started: str, program: str, mlflow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [started, "dense_binary"])
    assert program_name() == program
    assert typed("mlflow") == mlflow


def test_a_line_is_printed_before_anything_slow_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def slow(command: str) -> None:
        assert capsys.readouterr().out.startswith("toy: starting")
        raise BadInput("imported")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, _: folder / "log")
    monkeypatch.setattr("sweeps.cli.options.function_of", slow)
    assert run_command_line(SWEEP, []) == 2
