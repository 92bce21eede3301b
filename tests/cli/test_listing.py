"""What `list` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.__main__ import main
from sweeps.cli.listing import listing
from tests.cli.test_command_line import folder, go

__all__ = ["folder"]


def test_the_listing_names_sweeps_and_studies(folder: Path) -> None:
    assert listing(folder)[-1] == "no study in this folder yet"
    go("--trials", "2")
    lines = listing(folder)
    assert any(line.split()[0] == "dense_binary" for line in lines[1:])
    assert lines[-1].split()[:3] == ["toy", "2", "trials,"]


def test_the_listing_reads_another_storage_and_takes_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{folder / 'elsewhere.db'}"
    assert go("--trials", "2", "--storage", url) == 0
    capsys.readouterr()
    for asked in (["--storage", url], [f"--storage={url}"]):
        assert main(["list", *asked]) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.split()[:3] == ["toy", "2", "trials,"]
    for wrong in (["--bogus"], ["--storage"], ["--storage", url, "more"]):
        assert main(["list", *wrong]) == 2
        assert "--storage" in capsys.readouterr().err
