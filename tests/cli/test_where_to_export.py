"""The folder that a summary names for its export is one that the export takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from objectives import BadInput
from sweeps.cli.listing import listing
from sweeps.cli.places import check_place
from sweeps.study.identity import data_words
from tests.cli.test_command_line import folder, go

assert folder  # a fixture


def named(capsys: pytest.CaptureFixture[str]) -> Path:
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("export "))
    return Path(line.rpartition("--to ")[2])


def export(to: Path, study: str, trial: int) -> None:
    to.mkdir(exist_ok=True)
    (to / "config.yaml").write_text(f"origin: {{study: {study}, trial: {trial}}}\n")


def test_the_hint_names_a_folder_that_no_other_export_fills(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "3", "--confirm", "0", "--json", "out.json") == 0
    found: list[Path] = [named(capsys)]
    for study, trial in (("other", 1), ("toy", 99)):
        export(found[-1], study, trial)
        assert go("show") == 0
        found.append(named(capsys))
        with pytest.raises(BadInput, match="give another folder"):
            check_place(found[-2], "toy", 0, force=False)
    assert [str(place) for place in found[:2]] == ["best", "best-toy"]
    assert str(found[2]).startswith("best-toy-")
    best = int(str(found[2]).rpartition("-")[2])
    export(found[0], "toy", best)
    assert go("show") == 0
    assert str(named(capsys)) == "best", "its own export is no other's"


def test_the_listing_shows_the_mean_on_fresh_seeds_of_a_confirmed_winner(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("--trials", "9", "--confirm", "2") == 0
    capsys.readouterr()
    assert go("show", "--json", "-") == 0
    shown = listing(folder)[-1]

    found = json.loads(capsys.readouterr().out)
    assert f"best val_loss {found['confirm']['trials'][0]['mean']:.4g} on fresh seeds" in shown


def test_a_function_that_reads_its_own_data_has_no_data_of_the_sweep() -> None:
    known = {"data": "embedded", "digest": "0" * 40, "monitor": "value"}
    assert data_words(known) == "data that its function reads"
    assert "function" not in data_words({**known, "monitor": "val_loss"})
