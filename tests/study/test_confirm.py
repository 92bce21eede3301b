"""Repeats of the best trials on fresh seeds, on scripted curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objectives.training import Logs
from sweeps.study.confirm import Confirm, confirmed
from sweeps.tracking import NoTracker
from tests.scripted import Scripted, curve
from tests.study.test_loop import Watching, session


class Scored(Scripted):
    def evaluate(self, spec: Any, model: Path | None = None) -> Logs:
        assert spec.weights.exists()
        return {"test_loss": curve(spec, spec.max_epochs)}


class Seen(Watching):
    def __init__(self, results: list[Any]) -> None:
        self.results = results

    def ended(self, result: Any) -> None:
        self.results.append(result)


def swept(folder: Path, trainer: Any = None) -> Any:
    return session(folder, trainer or Scored(), NoTracker(), trials=6)


def test_pairs_share_fresh_seeds_and_a_real_gain_is_called_real(tmp_path: Path) -> None:
    with swept(tmp_path) as study:
        study.loop(Watching()).run()
        results: list[Any] = []
        Confirm(study, 5, progress=Seen(results)).run()
        seeds = {number % 100: set() for number in (r.spec.number for r in results)}
        for result in results:
            seeds[result.spec.number % 100].add(result.spec.seed)
        assert all(len(shared) == 1 for shared in seeds.values())
        assert not {r.spec.seed for r in results} & {t.seed for t in study.store.ended()}
        found = confirmed(study)
        assert found is not None
        assert found.repeats == 5
        assert found.difference is not None
        assert found.difference.word == "real"
        assert found.difference.mean < 0
        assert not list((study.folder / "confirm").iterdir())


def test_an_interrupted_phase_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def hook(spec: Any, epoch: int) -> None:
        if spec.number % 100 == 2 and epoch == 3:
            raise KeyboardInterrupt

    with swept(tmp_path / "a") as study:
        study.loop(Watching()).run()
        study._trainer = Scored(hook=hook)
        phase = Confirm(study, 5)
        before = len(phase.missing())
        with pytest.raises(KeyboardInterrupt):
            phase.run()
    with swept(tmp_path / "a") as study:
        phase = Confirm(study, 5)
        assert 0 < len(phase.missing()) < before
        phase.run()
        assert Confirm(study, 5).missing() == []
        resumed = confirmed(study)
    with swept(tmp_path / "b") as study:
        study.loop(Watching()).run()
        Confirm(study, 5).run()
        assert confirmed(study) == resumed


def test_one_repeat_proves_nothing(tmp_path: Path) -> None:
    with swept(tmp_path) as study:
        study.loop(Watching()).run()
        assert confirmed(study) is None
        Confirm(study, 1).run()
        found = confirmed(study)
        assert found is not None
        assert found.repeats == 1
        assert set(found.means) == {"best", "baseline"}
        assert found.difference is None
        assert len(found.ties) == 1
