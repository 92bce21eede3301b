"""The part of a long history that TPE is shown: the best trials, the latest, and a fair sample.

What TPE does for one proposal grows with the trials that it sees. It takes the best (25 at most)
for one density, all others for a second one, and proposes where their ratio is high. So the best
are all in view, in its own order, and the others are thinned out evenly, running ones too: the
second density keeps its shape. (The latest alone would lie where the search is now, and drive it
away from there.) Up to `BOUND` ended trials TPE sees every one.
`benchmarks/bounded_history.py` compares what is found with and without.
"""

from __future__ import annotations

import math
import zlib
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeps.study.news import News
from sweeps.study.sweep import AnySampler, Sampler

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sweeps.study.table import Table

BOUND = 1000  # ended trials in view
BEST = 25  # of them, whatever their number: as many as TPE takes for the best
LATEST = 10  # of those that ended, and of those that run
_OWN_WEIGHTS = ("gamma", "weights", "constraints_func")  # options by which others would count


@dataclass(frozen=True)
class Seen:
    """What a sampler sees. spaces: the first trial of each set of parameters, in the whole study.

    The groups that TPE finds in those are the ones that it finds in all trials: it divides them by
    names, and takes a parameter's range from the first trial that has it.

    ended, running: the numbers of those trials that TPE learns from. ranked: of the best, in its
    order. table: the parameters of all.
    """

    trials: list[FrozenTrial]
    spaces: list[FrozenTrial]
    ended: Sequence[int]
    running: Sequence[int]
    ranked: Sequence[int]
    table: Table


class Recent:
    """What a sampler is shown of one study. An ended trial is looked at once.

    sign: of the value, 1 where lower is better, -1 where higher is.
    """

    def __init__(self, sign: float, bound: int = BOUND) -> None:
        from sweeps.study.table import Table

        self._sign, self._bound = sign, bound
        self._news = News()
        self._ended: list[int] = []  # numbers, of those that TPE learns from
        self._ranked: list[tuple[tuple[float, ...], int]] = []
        self._shuffled: list[tuple[int, int]] = []  # in an order that has nothing to do with them
        self._spaces: dict[frozenset[str], int] = {}
        self._table = Table()

    def of(self, trials: Sequence[FrozenTrial]) -> Seen:
        """Return what is in view. trials: all of the study, by number."""
        self._take(trials)
        spaces = [trials[number] for number in sorted(self._spaces.values())]
        best = [number for _, number in self._ranked[:BEST]]
        ended, running = self._in_view(best)
        shown = [trials[number] for number in sorted([*ended, *running])]
        return Seen(shown, spaces, ended, running, best, self._table)

    def _in_view(self, best: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """Return which trials are in view, of those that ended and of those that run."""
        open_ones = [*self._news.running]
        if len(self._ended) <= self._bound:
            return self._ended, open_ones
        ended = {*best, *self._ended[-LATEST:]}
        places = iter(self._shuffled)
        last = 0
        while len(ended) < self._bound:
            last, number = next(places)
            ended.add(number)
        running = {number for number in open_ones if _place(number) <= last}
        return [*ended], [*running.union(open_ones[-LATEST:])]

    def _take(self, trials: Sequence[FrozenTrial]) -> None:
        for number, trial in self._news.of(trials):
            self._table.add(trial)
            if trial.state.is_finished() and trial.state.name != "FAIL":
                insort(self._ended, number)
                insort(self._ranked, (_rank(trial, self._sign), number))
                insort(self._shuffled, (_place(number), number))
                names = frozenset(trial.distributions)
                self._spaces[names] = min(number, self._spaces.get(names, number))


def _place(number: int) -> int:
    """Return where a number comes in the shuffled order, which is the same in every process."""
    return zlib.crc32(b"%d" % number)


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
    if not isinstance(sampler, Sampler) or sampler.kind != "tpe" or objectives > 1:
        return False
    own = any(option in sampler.options for option in _OWN_WEIGHTS)
    warms_up = int(sampler.options.get("n_startup_trials", 0)) > BOUND  # and would not end
    return bool(sampler.options.get("group")) and not own and not warms_up
