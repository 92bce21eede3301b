"""The user's own command, which is told how a sweep ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.test_command_line import folder, go
from tests.scripted import Scripted

assert folder  # a fixture


def test_it_gets_the_summary_as_json(folder: Path, capsys: Any) -> None:
    assert go("--trials", "3", "--notify", "cat > told.json", "--json", "out.json") == 0
    told = json.loads((folder / "told.json").read_text())
    assert told.pop("state") == "done"
    assert told.pop("exit_code") == 0
    assert told == json.loads((folder / "out.json").read_text())


def test_a_command_that_fails_is_one_line_and_no_exit_code(folder: Path, capsys: Any) -> None:
    assert go("--trials", "2", "--notify", "echo no route >&2; exit 3") == 0
    said = capsys.readouterr().err.splitlines()
    assert said == ["--notify: 'echo no route >&2; exit 3' ended with exit code 3: no route"]


def test_it_is_told_of_a_sweep_that_stops_early(folder: Path, monkeypatch: Any) -> None:
    def interrupted(spec: Any, epoch: int) -> None:
        if spec.number == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted(hook=interrupted))
    assert go("--trials", "4", "--notify", "cat > told.json") == 130
    told = json.loads((folder / "told.json").read_text())
    assert (told["state"], told["exit_code"]) == ("interrupted", 130)
    assert sum(told["counts"].values()) == 2

    def broken(spec: Any, epoch: int) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted(hook=broken))
    assert go("--trials", "9", "--notify", "cat > told.json") == 1
    told = json.loads((folder / "told.json").read_text())
    assert (told["state"], told["exit_code"]) == ("failed", 1)
    assert told["counts"]["failed"] == 3


def test_it_is_told_of_a_ctrl_c_before_the_study_is_open(folder: Path, monkeypatch: Any) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sweeps.cli.run.opened", interrupted)
    assert go("--trials", "4", "--notify", "cat > told.json") == 130
    told = json.loads((folder / "told.json").read_text())
    assert (told["study"], told["state"], told["exit_code"]) == ("toy", "interrupted", 130)
    assert "counts" not in told
