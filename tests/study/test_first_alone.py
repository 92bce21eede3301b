"""Pruning where there are several monitors: by the first one, where it is named for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from objectives import BadInput
from sweeps.study.first_alone import CURVE
from sweeps.study.sweep import SAMPLERS
from tests.scripted import Scripted
from tests.study.test_loop import Watching, session
from tests.study.test_several import study_of

GIVEN: dict[str, Any] = {"sampler": SAMPLERS["random"], "trials": 16}


def ended(study: Any) -> list[tuple[str, int, float | None]]:
    return [(t.outcome, t.epochs, t.value) for t in study.store.ended()]


def by_loss_alone(folder: Path) -> list[tuple[str, int, float | None]]:
    with session(folder, **GIVEN) as study:
        study.loop(Watching()).run()
        return ended(study)


def test_the_same_trials_are_pruned_as_with_the_first_monitor_alone(tmp_path: Path) -> None:
    expected = by_loss_alone(tmp_path / "one")
    assert {outcome for outcome, *_ in expected} == {"complete", "pruned"}
    (tmp_path / "two").mkdir()
    two = {"trainer": Scripted(), "prune_by": "val_loss"}
    with study_of(tmp_path / "two", "val_loss", "params", **GIVEN, **two) as study:
        study.loop(Watching()).run()
        assert ended(study) == expected
        for trial in study.store.study.trials:
            assert trial.intermediate_values == {}, "Optuna takes none of several values"
            assert trial.user_attrs[CURVE]
        assert {t.number for t in study.store.study.best_trials} <= {
            number for number, (outcome, *_) in enumerate(expected) if outcome == "complete"
        }


def test_a_study_that_goes_on_prunes_by_the_trials_before(tmp_path: Path) -> None:
    expected = by_loss_alone(tmp_path / "one")
    (tmp_path / "two").mkdir()
    for trials in (7, 16):
        given = GIVEN | {"trials": trials, "trainer": Scripted(), "prune_by": "val_loss"}
        with study_of(tmp_path / "two", "val_loss", "params", **given) as study:
            study.loop(Watching()).run()
            found = ended(study)
    assert found == expected


def test_only_the_first_monitor_can_be_named(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match="prune by 'params': only the first monitor"),
        study_of(tmp_path, "val_loss", "params", prune_by="params"),
    ):
        pass
