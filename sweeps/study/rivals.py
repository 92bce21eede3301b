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


@dataclass(frozen=True)
class There:
    """A trial at a rung.

    value: its best by then, None where it has none. sat: whether it was on its plateau and went
    on. left: whether it has left it since.
    """

    value: float | None
    sat: bool
    left: bool


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

    def add(self, one: There) -> None:
        """Count a trial."""
        self.count += one.value is not None
        self.sat += one.sat
        self.left += one.left
        if one.value is not None and not math.isnan(one.value):  # neither better nor worse
            insort(self.values, one.value)

    def remove(self, one: There) -> None:
        """Count a trial no longer."""
        self.count -= one.value is not None
        self.sat -= one.sat
        self.left -= one.left
        if one.value is not None and not math.isnan(one.value):
            del self.values[bisect_left(self.values, one.value)]


class Rivals:
    """The trials of one study by rung. Each is looked at when it is new or has changed.

    rungs: those that are asked for. judged: those at which the rule looks at a trial, None: all.
    sign: of the monitor, 1 where lower is better, -1 where higher is.
    """

    def __init__(
        self, rungs: Iterable[int], judged: Collection[int] | None, sign: float = 1.0
    ) -> None:
        self._rungs = {rung: Rung() for rung in rungs}
        self._judged, self._sign = judged, sign
        self._news = News()
        self._running: dict[int, dict[int, There]] = {}  # as they are counted

    def take(self, trials: Sequence[FrozenTrial]) -> None:
        """Take a study's trials by number, with all that were taken before."""
        for number, trial in self._news.of(trials):
            for rung, before in self._running.pop(number, {}).items():
                self._rungs[rung].remove(before)
            now = {rung: self._there(trial, rung) for rung in self._rungs}
            for rung, there in now.items():
                self._rungs[rung].add(there)
            if number in self._news.running:
                self._running[number] = now

    def at(self, rung: int, value: float, own: int | None) -> tuple[int, int, int, int]:
        """Return what a trial that has reached a rung is compared with.

        Args:
            rung: The epoch.
            value: Its own best so far.
            own: Its number, None where it was not taken.

        Returns:
            How many others have a value there and how many a better one; how many went on from
            their plateau there, and how many of those have left it.
        """
        kept, mine = self._rungs[rung], Rung()
        if own in self._running:
            mine.add(self._running[own][rung])
        better, myself = (bisect_left(of.values, self._sign * value) for of in (kept, mine))
        return (
            kept.count - mine.count, better - myself, kept.sat - mine.sat, kept.left - mine.left
        )  # fmt: skip

    def _there(self, trial: FrozenTrial, rung: int) -> There:
        found = best_by(trial, rung)
        last = last_judged(trial, self._judged) if on_first_plateau(trial, rung) else None
        sat = last is not None and last != rung
        return There(
            None if found is None else self._sign * found,
            sat,
            sat and last is not None and not on_first_plateau(trial, last),
        )
