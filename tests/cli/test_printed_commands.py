"""Every command that is printed works when it is pasted into the same folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeps.cli import program_name, report, run, run_command_line
from sweeps.cli.again import hidden, place, wider_name
from sweeps.cli.text import curves_text
from sweeps.study.connecting import connect
from sweeps.study.settings import Settings
from sweeps.tracking import NoTracker
from tests.cli.test_command_line import folder
from tests.scripted import SWEEP, Scripted

__all__ = ["folder"]

STORES = ["--storage", "sqlite:///the team's.db", "--tracking-uri", "sqlite:///my flow.db"]


class Wide(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda spec, epoch: 1.0 / spec.config.width)

    def evaluate(self, spec: Any, model: Path | None = None) -> dict[str, float]:
        if model is not None:
            model.write_text("a model")
        return {"test_loss": 1.0 / spec.config.width}


def pasted(line: str) -> list[str]:
    """Return what a shell hands to the program, comments in brackets aside."""
    words = shlex.split(line.partition("       (")[0])
    started = shlex.split(program_name())
    assert words[: len(started)] == started
    return words[len(started) :]


@pytest.mark.parametrize("stores", [[], STORES])
def test_printed_commands_work(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    stores: list[str],
) -> None:
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Wide())
    monkeypatch.setattr("sweeps.cli.trainers.Reference.of", lambda _: None)
    here = folder / "a folder"
    here.mkdir()
    monkeypatch.chdir(here)
    asked = ["--trials", "12", "--fix", "schedule=False", "--range", "width=1:4", "--confirm", "0"]
    named = ["--study", "mine", "--pruner", "none", *stores]
    assert run_command_line(SWEEP, [*asked, *named]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[-4:]}
    assert list(found) == ["export", "explain", "more", "wider"]
    assert run_command_line(SWEEP, pasted(found["export"])) == 0
    assert (here / "best/config.yaml").exists()
    capsys.readouterr()
    assert run_command_line(SWEEP, pasted(found["more"])) == 0
    assert "mine: 12 of 24 trials to go" in capsys.readouterr().out
    assert run_command_line(SWEEP, pasted(found["wider"])) == 0
    assert "mine-wider: 12 of 12 trials to go" in capsys.readouterr().out
    where = found["more"].removeprefix(program_name()).partition(" --trials")[0]
    assert found["explain"] == f"{program_name()} explain{where}       (at most 5 min)"
    assert run_command_line(SWEEP, ["show", *shlex.split(where)]) == 0
    assert run_command_line(SWEEP, ["report", *shlex.split(where), "--to", "page.html"]) == 0
    url = stores[1] if stores else "sqlite:///optuna.db"
    studies = connect(url, create=False).get_all_studies()
    assert {study.study_name for study in studies} == {"mine", "mine-wider"}


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (run, report):
        monkeypatch.setattr(module, "make_tracker", lambda *_: NoTracker())


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (None, "mlflow ui      then open PAGE"),
        ("sqlite:///a b.db", "mlflow ui --backend-store-uri 'sqlite:///a b.db'      then open"),
        ("https://host/x", "curves   open PAGE"),
        ("postgresql://me:pw@host/db", "--backend-store-uri 'postgresql://me:***@host/db'"),
    ],
)
def test_curves_are_opened_where_they_are(uri: str | None, expected: str) -> None:
    assert expected in curves_text("PAGE", uri)


def test_names_of_wider_studies_are_names() -> None:
    assert wider_name("toy") == "toy-wider"
    assert wider_name("toy-wider") == "toy-wider2"
    assert wider_name("toy-wider9") == "toy-wider10"
    assert len(wider_name("x" * 80)) <= 80


def test_a_password_is_never_shown_and_the_gap_is_told() -> None:
    plain = ["more     python toy.py --trials 4"]
    assert hidden(plain) == []
    settings = Settings(storage="postgresql://me:secret@host/db", tracking_uri="http://u:secret@h")
    toy = SimpleNamespace(settings=settings, name="toy", sweep=SimpleNamespace(name="toy"))
    command = place(toy)  # type: ignore[arg-type]
    assert shlex.split(command) == [
        "--storage", "postgresql://me:***@host/db", "--tracking-uri", "http://u:***@h",
    ]  # fmt: skip
    (line,) = hidden([*plain, command])
    assert line.startswith("*** stands for a password")
