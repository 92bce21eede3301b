"""Every file that cannot be learnt from: exit code 2, one line, and nothing left in the stores."""

from __future__ import annotations

import importlib
import shlex
from pathlib import Path

import pytest

from sweeps.cli import run_command_line, starting
from tests.objectives.test_bad_input import TABLES, Case, write
from tests.objectives.test_bad_sequences import SEQUENCES

SWEEPS = {
    "binary": "dense_binary",
    "multiclass": "dense_multiclass",
    "regression": "dense_regression",
    "series binary": "sequence_binary",
    "series multiclass": "lstm_recall",
    "series regression": "sequence_regression",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refused")


def argv(one: Case, path: Path) -> list[str]:
    """Return the options that stand for a case's source."""
    given = dict(one.source)
    given |= given.pop("options", {})
    found = ["--data", str(path), "--workers", "0"]
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            found.append(option)
        elif value is not None:
            found += [option, ",".join(value) if isinstance(value, list) else str(value)]
    return found


@pytest.mark.parametrize("one", TABLES + SEQUENCES, ids=lambda one: one.name)
def test_a_refused_file_leaves_nothing(
    one: Case,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, *_: folder / "log")
    path = tmp_path / one.file
    write(one, path)
    sweep = importlib.import_module(f"sweeps.{SWEEPS[one.task]}").SWEEP
    options = argv(one, path)
    assert run_command_line(sweep, options) == 2, shlex.join(options)
    printed = capsys.readouterr()
    assert printed.out.splitlines() in ([], [starting(sweep.name)])
    # Another test of the same process may have imported Keras, which is hinted at.
    (line,) = (line for line in printed.err.splitlines() if not line.startswith("hint: "))
    assert line.startswith("error: ")
    assert {item.name for item in folder.iterdir()} <= {"log"}
