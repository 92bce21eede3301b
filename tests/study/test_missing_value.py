"""A trial without a value: it is not one of 0."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from objectives import Monitor
from sweeps.explain.experiment import _middle
from sweeps.explain.runs import Run
from sweeps.study.summary import summarise
from sweeps.study.sweep import no_pruning
from tests.scripted import Scripted
from tests.study.test_loop import Recording, Watching, go, session


class Valueless(Scripted):
    """A trainer whose second trial ends without a value, and says that it is complete."""

    def _one(self, spec: Any, on_epoch: Any) -> Any:
        result = super()._one(spec, on_epoch)
        lost = spec.number == 1
        return dataclasses.replace(result, value=None, best_epoch=None) if lost else result


def test_a_missing_value_is_not_a_perfect_one(tmp_path: Path) -> None:
    tracker = Recording()
    falling = Valueless(lambda spec, epoch: 9.0 - spec.number)
    with session(tmp_path, falling, tracker, trials=4, pruner=no_pruning()) as study:
        study.loop(Watching()).run()
        assert tracker.best == [0, 2, 3]
        assert [t.number for t in summarise(study).top] == [3, 2, 0]
        with pytest.raises(ValueError, match="trial 1 has no value"):
            _ = study.store.ended()[1].reached
    tracker.best.clear()
    go(tmp_path, Scripted(lambda spec, epoch: 1.0), tracker, trials=5)
    assert tracker.best == [4], "the leader is known again when the study goes on"


@pytest.mark.parametrize(("mode", "sign"), [("min", 1.0), ("max", -1.0)])
def test_a_run_without_a_value_is_the_worst_of_the_repeats(mode: Any, sign: float) -> None:
    values = [None, sign * 3.0, sign * 2.0]
    runs = [Run("k", "p", n, 0, n, "complete", value, 1.0) for n, value in enumerate(values)]
    assert _middle(runs, Monitor("val_loss", mode)).value == sign * 3.0
