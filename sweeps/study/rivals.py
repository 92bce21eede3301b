"""What the pruning rule knows of a study's trials: each is looked at once, when it has ended."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from objectives.training import Outcome, on_plateau
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
    """The trials of one study by rung. An ended trial never changes, so it is counted for good.

    rungs: those that are asked for. judged: those at which the rule looks at a trial, None: all.
    sign: of the monitor, 1 where lower is better, -1 where higher is.
    """

    def __init__(
        self, rungs: Iterable[int], judged: Collection[int] | None, sign: float = 1.0
    ) -> None:
        self._rungs = {rung: Rung() for rung in rungs}
        self._judged, self._sign = judged, sign
        self._known = 0  # trials, by number, that were looked at
        self._open: list[int] = []  # those of them that have not ended

    def take(self, trials: Sequence[FrozenTrial]) -> None:
        """Take a study's trials by number, with all that were taken before."""
        waiting = [*self._open, *range(self._known, len(trials))]
        self._known, self._open = len(trials), []
        for number in waiting:
            if trials[number].state.is_finished():
                for rung, kept in self._rungs.items():
                    self._count(kept, trials[number], rung)
            else:
                self._open.append(number)

    def at(
        self, rung: int, value: float, trial: int, trials: Sequence[FrozenTrial]
    ) -> tuple[int, int, int, int]:
        """Return what a trial that has reached a rung is compared with.

        Args:
            rung: The epoch.
            value: Its own best so far.
            trial: Its number.
            trials: As they were taken last.

        Returns:
            How many others have a value there and how many a better one; how many went on from
            their plateau there, and how many of those have left it.
        """
        kept, now = self._rungs[rung], Rung()
        for number in self._open:
            other = trials[number]
            there = rung in other.intermediate_values or "result" in other.user_attrs
            if there and other.number != trial:
                self._count(now, other, rung)
        better = bisect_left(kept.values, self._sign * value)
        better += bisect_left(now.values, self._sign * value)
        return kept.count + now.count, better, kept.sat + now.sat, kept.left + now.left

    def _count(self, kept: Rung, trial: FrozenTrial, rung: int) -> None:
        if (found := best_by(trial, rung)) is not None:
            kept.count += 1
            if not math.isnan(found):  # which is neither better nor worse
                insort(kept.values, self._sign * found)
        if on_first_plateau(trial, rung):
            last = last_judged(trial, self._judged)
            if last is not None and last != rung:
                kept.sat += 1
                kept.left += not on_first_plateau(trial, last)
