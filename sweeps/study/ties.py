"""What the repeats on fresh seeds tell apart, and what they do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeps.study.elimination import FEW, Noise
from sweeps.study.statistics import REAL, UNDECIDED, Difference, paired

if TYPE_CHECKING:
    from objectives import Monitor
    from sweeps.study.ended import Ended
    from sweeps.study.winner import Standing


def lead(
    monitor: Monitor, order: Sequence[Ended], found: Sequence[Standing], by_seeds: float | None
) -> int | None:
    """Return the unconfirmed trial that should have been confirmed, going by its one value.

    It comes before all that were, or is better than the winner's mean by more than seeds alone do.
    """
    known = {one.trial.number for one in found}
    first = next((t for t in order if t.number not in known), None)
    if first is None or first == order[0]:
        return None if first is None else first.number
    gain = monitor.sign * (found[0].mean - first.reached)
    return first.number if by_seeds is not None and gain > by_seeds else None


def tied(best: Standing, other: Standing, monitor: str, noise: Noise) -> bool:
    """Return whether a trial cannot be told from the best one.

    Few pairs tell too little of their spread, so what is known of all trials is used there.
    """
    gap = difference(best, other, monitor)
    if gap is None or gap.n > FEW:
        return gap is not None and gap.word != REAL
    return not noise.apart(best.reached, other.reached)


def smallest(found: Sequence[Standing], ties: Sequence[int]) -> int | None:
    """Return the tied trial with the fewest weights, the better one of two that have as many.

    One that was left out is none: that few seeds tell nothing is no reason to take a net.
    """
    level = [one for one in found if one.trial.number in ties and not one.out]
    known = {one.trial.number: one.parameters for one in level if one.parameters is not None}
    if len(level) < 2 or len(known) < len(level) or len(found[0].shared) < FEW:
        return None
    return min(known, key=lambda number: known[number])


def verdict(best: Standing, other: Standing, metric: str, tied: bool) -> Difference | None:
    """Return the best trial's difference to another one, in a metric of the test part.

    Few pairs may happen to agree: none that are `tied` on the validation part is called real.
    """
    gap = difference(best, other, metric)
    if gap is not None and gap.n <= FEW and tied:
        return dataclasses.replace(gap, word=UNDECIDED)
    return gap


def difference(one: Standing, other: Standing, metric: str) -> Difference | None:
    """Return the paired difference on the seeds that both have; None where one seed is all."""
    both = sorted(one.scores.keys() & other.scores.keys())
    both = [seed for seed in both if metric in one.scores[seed]]
    if len(both) < 2:
        return None
    mine, theirs = ([of.scores[seed][metric] for seed in both] for of in (one, other))
    return paired(mine, theirs, metric=metric)
