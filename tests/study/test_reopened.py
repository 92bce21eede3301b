"""Studies that are opened again: what is told, and what is still there."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Data, Part, Source
from sweeps.study.session import ARRAYS, opened
from sweeps.study.settings import Settings
from sweeps.study.sweep import no_pruning
from sweeps.tracking import NoTracker
from tests.scripted import OBJECTIVE, SWEEP, Scripted
from tests.study.test_loop import Watching, described, go


def test_a_study_that_goes_on_otherwise_says_so(tmp_path: Path, caplog: Any) -> None:
    with caplog.at_level("WARNING", "sweeps"):
        go(tmp_path, trials=2)
        go(tmp_path, trials=3, patience=25)  # what it has anyway
        assert not caplog.text
        go(tmp_path, trials=4, patience=0, pruner=no_pruning())
        assert "--patience: off from here on, 25 before" in caplog.text
        assert "--pruner: none from here on, halving before" in caplog.text
        caplog.clear()
        go(tmp_path, trials=5)
    assert not caplog.text


def test_a_study_can_be_read_when_its_file_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "mine.npy"

    def read(source: Source) -> Data:
        x = np.load(source.path or "")
        parts = [Part(x[rows], x[rows, 0]) for rows in (slice(8), slice(8, 12), slice(12, 16))]
        return Data(*parts, source=source.path or "")

    def of(reading: bool, **settings: Any) -> Any:
        return opened(
            dataclasses.replace(SWEEP, objective=dataclasses.replace(OBJECTIVE, load=read)),
            Settings(folder=tmp_path, study="mine", **settings),
            lambda *_: Scripted(),
            lambda *_: NoTracker(),
            reading=reading,
        )

    np.save(file, np.arange(32.0).reshape(16, 2))
    given = Source(path=str(file))
    with of(False, trials=2, seed=7, confirm=0, source=given) as made:
        made.loop(Watching()).run()
        made.data.save(made.folder / ARRAYS)  # as it is done for workers
    with of(False, source=given) as more:  # what is not given is the study's own
        assert (more.settings.seed, more.settings.confirm) == (7, 0)
    file.unlink()
    with of(True) as again:
        assert again.data.digest == made.data.digest
        assert described(again) == described(made)
    with pytest.raises(FileNotFoundError), of(False):
        pass  # who trains on reads what is there
    other = dataclasses.replace(made.data, digest="0" * 40)
    other.save(made.folder / ARRAYS)
    with pytest.raises(FileNotFoundError), of(True):
        pass  # arrays of another study's data are not its own
