"""`--cluster` refuses what no machine could train, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

import sweeps
from objectives import BadInput
from sweeps.cli import run_command_line
from tests.cli.test_command_line import folder
from tests.scripted import OBJECTIVE, SWEEP

__all__ = ["folder"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--cluster auto --workers 0", "--workers 0 trains in this process: give 1 or more"),
        ("--cluster head", "--cluster head: it must be auto, HOST:PORT or ray://HOST:PORT"),
        ("--cluster auto --per-gpu 0", "--per-gpu 0: it must be a whole number, 1 or more"),
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


def test_a_sweep_of_a_notebook_cannot_reach_other_machines(tmp_path: Path) -> None:
    local = sweeps.Sweep("local", OBJECTIVE)
    with pytest.raises(BadInput, match="'local' is no global of a module or a file"):
        sweeps.run(local, cluster="auto", folder=tmp_path, verbose=False)
