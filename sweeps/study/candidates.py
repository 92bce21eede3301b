"""Which trials of a study are worth confirming, and what that may cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeps.study.elimination import FEW, FIRST, SHARE, TOP, Race
from sweeps.study.ended import Ended, ranked
from sweeps.study.options import STRIDE
from sweeps.study.several import front
from sweeps.study.winner import standings

if TYPE_CHECKING:
    from objectives import Monitor


def race(
    monitors: Sequence[Monitor],
    ended: list[Ended],
    known: Mapping[str, Any],
    most: int,
    *,
    limited: bool,
) -> Race:
    """Return which trials are candidates, and what confirming them may cost.

    known: repeats so far. Those made when the study had other trials count as spent, and the
    trials that were best in them are candidates still. limited: to a share of all epochs. Of
    several monitors, the trials of the Pareto front come first, and none of them is left out.
    """
    monitor = monitors[0]
    order = ranked(ended, monitor)
    best = front(ended, monitors) if len(monitors) > 1 else []
    order = [*best, *(t for t in order if t not in best)]
    epochs = {t.number: t.epochs for t in order}
    earlier: dict[int, dict[int, Any]] = {}
    for run, told in known.items():
        number, seed = divmod(int(run), STRIDE)
        if told.get("trials") != len(ended) and number in epochs:
            earlier.setdefault(number, {})[seed] = told
    free = {(number, seed): told for number, of in earlier.items() for seed, told in of.items()}
    spent = sum(told.get("epochs", epochs[number]) for (number, _), told in free.items())
    before = standings(
        ended, {str(n * STRIDE + seed): told for (n, seed), told in free.items()}, monitor, 0
    )
    if limited and len(ended) > 1 and [t.role for t in order] == ["baseline"]:
        order, before = [], []  # there is nothing to compare it with, unless that is asked for
    allowance = max(SHARE * sum(t.epochs for t in ended) - spent, 0.0)
    return Race(
        candidates=[t.number for t in order if t.role != "baseline"],
        baseline=next((t.number for t in order if t.role == "baseline"), None),
        epochs=epochs,
        most=most,
        allowance=allowance if limited else math.inf,
        earlier=[one.trial.number for one in before[:FEW]],
        free=free.keys(),
        stay=frozenset(t.number for t in best),
    )


def most_runs(trials: int, most: int, *, limited: bool) -> int:
    """Return how many runs may confirm the best of so many trials, if each is trained to its end.

    most: seeds of a trial.
    """
    runs = most * (min(trials - 1, TOP) + 1)
    return min(runs, max(int(trials * SHARE), min(most, FIRST) * 2)) if limited else runs
