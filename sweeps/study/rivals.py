"""What the pruning rule knows of a study's trials: each is looked at when it has changed."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from objectives.training import Outcome, on_plateau
from sweeps.study.news import News
from sweeps.study.shown import last_judged

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

COMPLETE = Outcome.COMPLETE.value


def on_first_plateau(trial: FrozenTrial, rung: int) -> bool:
    """Return whether a trial has hardly improved on its first epoch by this rung."""
    first, now = trial.intermediate_values.get(1), trial.intermediate_values.get(rung)
    return first is not None and now is not None and on_plateau(first, now)


def best_by(trial: FrozenTrial, rung: int) -> float | None:
    """Return a trial's best value by a rung, or its final one if it was complete before."""
    result = trial.user_attrs.get("result")
    if result is not None and result.get("outcome") == COMPLETE and result["epochs"] < rung:
        return trial.value
    return trial.intermediate_values.get(rung)


@dataclass
class Rung:
    """Trials at one rung, as they count there.

    count: of those that have a value. values: of those, in order, lower is better. sat, left: of
    trials that were on their plateau here and went on, and of those that have left it since.
    """

    count: int = 0
    values: list[float] = field(default_factory=list)
    sat: int = 0
    left: int = 0


class Rivals:
    """The trials of one study by rung. Each is counted when it is new or has changed.

    rungs: those that are asked for. judged: those at which the rule looks at a trial, None: all.
    sign: of the monitor, 1 where lower is better, -1 where higher is.
    """

    def __init__(
        self, rungs: Iterable[int], judged: Collection[int] | None, sign: float = 1.0
    ) -> None:
        self._rungs = {rung: Rung() for rung in rungs}
        self._judged, self._sign = judged, sign
        self._news = News()

    def take(self, trials: Sequence[FrozenTrial]) -> None:
        """Take a study's trials by number, with all that were taken before."""
        for _, old, now in self._news.of(trials):
            for rung, kept in self._rungs.items():
                if old is not None:
                    self._count(kept, old, rung, -1)
                self._count(kept, now, rung, 1)

    def at(self, rung: int, value: float, trial: int) -> tuple[int, int, int, int]:
        """Return what a trial that has reached a rung is compared with.

        Args:
            rung: The epoch.
            value: Its own best so far.
            trial: Its number.

        Returns:
            How many others have a value there and how many a better one; how many went on from
            their plateau there, and how many of those have left it.
        """
        kept, own = self._rungs[rung], Rung()
        if (counted := self._news.running.get(trial)) is not None and counted.number == trial:
            self._count(own, counted, rung, 1)
        better = bisect_left(kept.values, self._sign * value)
        better -= bisect_left(own.values, self._sign * value)
        return kept.count - own.count, better, kept.sat - own.sat, kept.left - own.left

    def _count(self, kept: Rung, trial: FrozenTrial, rung: int, one: int) -> None:
        """Count a trial at a rung. one: -1 where it was counted and no longer is."""
        if (found := best_by(trial, rung)) is not None:
            kept.count += one
            if not math.isnan(found):  # which is neither better nor worse
                if one > 0:
                    insort(kept.values, self._sign * found)
                else:
                    del kept.values[bisect_left(kept.values, self._sign * found)]
        if on_first_plateau(trial, rung):
            last = last_judged(trial, self._judged)
            if last is not None and last != rung:
                kept.sat += one
                kept.left += one * (not on_first_plateau(trial, last))
