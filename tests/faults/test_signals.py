"""After Ctrl-C twice or a SIGTERM the store is whole, and the same call goes on to its end."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import IO

import pytest

from tests.faults.test_kills import TRIALS, curves, finish, found, start

pytestmark = pytest.mark.slow
SEED = 2


def after_three_trials(process: subprocess.Popen[str]) -> IO[str]:
    """Read what a sweep says until its third trial has ended; return where it goes on."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[3/"):
            break
    return process.stdout


@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_ctrl_c_twice_leaves_a_whole_store(pause: float, tmp_path: Path) -> None:
    calm, cut = tmp_path / "calm", tmp_path / "cut"
    for folder in (calm, cut):
        folder.mkdir()
    with start(cut, SEED, 1) as process:
        out = after_three_trials(process)
        process.send_signal(signal.SIGINT)
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        said = out.read()
    assert "Traceback" not in said or said.rstrip().endswith("KeyboardInterrupt"), said
    with contextlib.closing(sqlite3.connect(cut / "optuna.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finish(cut, SEED, 1)
    finish(calm, SEED, 1)
    assert found(cut, SEED) == found(calm, SEED)
    assert len(found(calm, SEED)) == TRIALS
    assert curves(cut) == curves(calm)


def test_sigterm_ends_a_script_once_the_sweep_has_stopped(tmp_path: Path) -> None:
    with start(tmp_path, SEED, 1) as process:
        out = after_three_trials(process)
        process.send_signal(signal.SIGTERM)
        said = out.read()
    assert process.returncode == -signal.SIGTERM, said
    assert "interrupted: " in said
    assert "Traceback" not in said
    finish(tmp_path, SEED, 1)
    assert len(found(tmp_path, SEED)) == TRIALS
