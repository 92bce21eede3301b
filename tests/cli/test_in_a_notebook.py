"""In a notebook: one picture that is renewed, and a short table in the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import IPython.display
import pytest

import sweeps
from sweeps.cli import notebook
from tests.cli.test_command_line import folder
from tests.scripted import SWEEP, Scripted

assert folder  # a fixture


class Handle:
    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def update(self, drawn: Any) -> None:
        self.shown.append(drawn.data)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def display(drawn: Any, display_id: bool = False) -> Handle:
        found.append(drawn.data)
        return Handle(found)

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(notebook, "active", lambda: True)
    return found


def test_a_bar_and_a_table_take_the_place_of_lines(
    folder: Path, shown: list[str], capsys: Any, monkeypatch: Any
) -> None:
    def hook(spec: Any, epoch: int) -> None:
        if spec.number == 3:
            raise RuntimeError("no memory")

    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted(hook=hook))
    study = sweeps.run(SWEEP, trials=8, workers=0, confirm=2)
    said = capsys.readouterr().out
    assert "[1/8]" not in said
    assert "epoch 1/" not in said
    assert "#3 failed: RuntimeError: no memory" in said
    assert '<progress value="0" max="8">' in shown[0]
    trained = [page for page in shown if '<progress value="8" max="8">' in page]
    assert trained
    assert trained[-1].count("<tr>") == 1 + notebook.ROWS
    last = shown[-1]
    assert last == study._repr_html_()
    assert "<b>toy: 8 trials" in last
    assert "mean of 2 fresh seeds" in last
    assert "--" not in last.split("<details>")[0]  # no option of the command line
    assert "<script" not in last


def test_a_table_is_escaped() -> None:
    assert "<b>" not in notebook.table(["<b>"], [["<b>x"]])
