"""Repeats of the best trials on fresh seeds, on scripted curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objectives.training import Logs
from sweeps.study.confirm import Confirm, confirmed
from sweeps.study.sweep import no_pruning
from sweeps.tracking import NoTracker
from tests.scripted import Scripted, curve
from tests.study.test_loop import Watching, session

WHOLE = {"pruner": no_pruning()}


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

    def known(study: Any) -> Any:
        return study.store.study.user_attrs["confirm"], study.store.study.user_attrs["contenders"]

    with swept(tmp_path / "a") as study:
        study.loop(Watching()).run()
        study._trainer = Scored(hook=hook)
        phase = Confirm(study, 5)
        before = phase.expected()
        now = Confirm(study).expected()
        assert Confirm(study).expected(phase.count) == now
        assert Confirm(study).expected(100 * phase.count) > now, "more epochs buy more runs"
        with pytest.raises(KeyboardInterrupt):
            phase.run()
    with swept(tmp_path / "a") as study:
        phase = Confirm(study, 5)
        assert 0 < phase.expected() < before
        phase.run()
        assert Confirm(study, 5).missing() == []
        resumed, kept = confirmed(study), known(study)
    with swept(tmp_path / "b") as study:
        study.loop(Watching()).run()
        Confirm(study, 5).run()
        assert confirmed(study) == resumed
        assert known(study) == kept


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


@pytest.mark.parametrize("last", [1, 5, 9])
def test_a_limited_phase_that_is_interrupted_anywhere_asks_for_the_same_runs(
    tmp_path: Path, last: int
) -> None:
    def hook(spec: Any, epoch: int) -> None:
        if epoch == 2 and spec.weights.parent.name == "confirm":
            runs.append(spec.number)
            if len(runs) == last:
                raise KeyboardInterrupt

    def known(folder: Path, trainer: Any) -> Any:
        with session(folder, trainer, NoTracker(), trials=36, **WHOLE) as study:
            study.loop(Watching()).run()
            Confirm(study).run()
            return study.store.study.user_attrs["confirm"], confirmed(study)

    runs: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        known(tmp_path / "a", Scored(hook=hook))
    assert known(tmp_path / "a", Scored()) == known(tmp_path / "b", Scored())


def test_it_takes_a_third_of_the_epochs_unless_seeds_are_asked_for(tmp_path: Path) -> None:
    with session(tmp_path, Scored(), NoTracker(), trials=36, **WHOLE) as study:
        study.loop(Watching()).run()
        epochs = sum(t.epochs for t in study.store.ended())
        phase = Confirm(study)
        phase.run()
        found = confirmed(study)
        assert found is not None
        assert 0.0 < found.share <= 1 / 3
        assert found.share == sum(told["epochs"] for told in phase.known.values()) / epochs
        assert found.runs == len(phase.known)
        assert found.repeats >= 2
        assert Confirm(study).missing() == []
        Confirm(study, 5).run()
        asked = confirmed(study)
        assert asked is not None
        assert asked.repeats == 5
        best = [one.number for one in asked.trials if not one.out]
        assert len(best) > 1
        assert all(one.seeds == 5 for one in asked.trials if one.number in best)


def test_confirmed_trials_stay_candidates_when_the_study_goes_on(tmp_path: Path) -> None:
    with session(tmp_path, Scored(), NoTracker(), trials=24, **WHOLE) as study:
        study.loop(Watching()).run()
        Confirm(study).run()
        before = confirmed(study)
        known = set(study.store.study.user_attrs["confirm"])
    assert before is not None
    with session(tmp_path, Scored(), NoTracker(), trials=36, **WHOLE) as study:
        study.loop(Watching()).run()
        phase = Confirm(study)
        assert before.trials[0].number in phase.next().trials
        assert not {str(run) for run in phase.missing()} & known
        phase.run()
        after = confirmed(study)
        assert after is not None
        assert {one.number for one in before.trials} <= {one.number for one in after.trials}
        assert after.share <= 1 / 3
        whole = [one.mean for one in after.trials if not one.out]
        assert after.trials[0].mean == min(whole)


def test_what_an_earlier_version_confirmed_is_read_and_goes_on(tmp_path: Path) -> None:
    with swept(tmp_path) as study:
        study.loop(Watching()).run()
        Confirm(study, 3).run()
        attrs, keep = study.store.study.user_attrs, ("value", "outcome", "test", "parameters")
        told = {
            run: {key: value for key, value in of.items() if key in keep}
            for run, of in attrs["confirm"].items()
        }
        study.store.study.set_user_attr("confirm", told)
        study.store.study.set_user_attr("contenders", [])
        found = confirmed(study)
        assert found is not None
        assert found.repeats == 3
        assert found.share == 0.0
        Confirm(study).run()
        again = confirmed(study)
        assert again is not None
        assert again.repeats >= 3
