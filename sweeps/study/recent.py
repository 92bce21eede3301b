"""The part of a long history that TPE is shown: the best trials, the latest, and those that run.

What TPE does for one proposal grows with the trials that it sees. It divides them into the best
(25 at most) and the others, of which it weighs the older ones less the more there are. So the best
are all in view, in its own order, and of the others the oldest are left out. Up to `BOUND` ended
trials it sees every one. `benchmarks/bounded_history.py` compares what is found with and without.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeps.study.sweep import AnySampler, Sampler

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

BOUND = 1000  # ended trials in view
BEST = 100  # of them, however old
_OWN_WEIGHTS = ("gamma", "weights", "constraints_func")  # options by which others would count


class Recent:
    """What a sampler is shown of one study. An ended trial is looked at once.

    sign: of the value, 1 where lower is better, -1 where higher is.
    """

    def __init__(self, sign: float, bound: int = BOUND, best: int = BEST) -> None:
        self._sign, self._bound, self._best = sign, bound, best
        self._known = 0
        self._open: list[int] = []
        self._ended: list[int] = []  # numbers, of those that TPE learns from
        self._ranked: list[tuple[tuple[float, ...], int]] = []

    def of(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return the trials in view. trials: all of the study, by number."""
        self._take(trials)
        if len(self._ended) <= self._bound:
            return list(trials)
        shown = {number for _, number in self._ranked[: self._best]}
        for number in reversed(self._ended):
            if len(shown) >= self._bound:
                break
            shown.add(number)
        return [trials[number] for number in sorted(shown.union(self._open))]

    def _take(self, trials: Sequence[FrozenTrial]) -> None:
        waiting = [*self._open, *range(self._known, len(trials))]
        self._known, self._open = len(trials), []
        for number in waiting:
            trial = trials[number]
            if not trial.state.is_finished():
                self._open.append(number)
            elif trial.state.name != "FAIL":
                insort(self._ended, number)
                insort(self._ranked, (_rank(trial, self._sign), number))


def _rank(trial: FrozenTrial, sign: float) -> tuple[float, ...]:
    """Return where a trial comes in TPE's own order: complete, pruned, infeasible."""
    beyond = sum(one for one in trial.constraints.values() if one > 0)
    if beyond > 0:
        return 2.0, beyond
    if trial.state.name == "COMPLETE" and trial.value is not None:
        return 0.0, sign * trial.value
    if not trial.intermediate_values:
        return 1.0, 1.0, 0.0
    step, value = max(trial.intermediate_values.items())
    return 1.0, -step, math.inf if math.isnan(value) else sign * value


def bounds(sampler: AnySampler, objectives: int) -> bool:
    """Return whether a sampler is shown a part: the TPE of this package, for one monitor."""
    named = isinstance(sampler, Sampler) and sampler.kind == "tpe"
    own = named and any(option in sampler.options for option in _OWN_WEIGHTS)  # type: ignore[union-attr]
    return named and not own and objectives == 1
