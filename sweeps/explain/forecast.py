"""What more epochs would bring, judged by how other curves of the sweep continued.

The best value is forecast from what the second half of the epochs gained: recorded curves tell
which part of that further epochs gain. The interval is a conformal one, which is valid for any
curve that is exchangeable with the recorded ones: Barber et al., "Predictive inference with the
jackknife+", Annals of Statistics 2021. If no recorded curve is longer than this one, their last
doubling stands for the next one. The interval then covers the errors within it, and the errors of
forecasting it from the doubling before, which is checked one doubling earlier. A forecast is only
made if, on the recorded curves, the interval covers as often as it claims and the forecast beats
the last value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Stretch = tuple[Floats, Floats]

LEVEL = 0.8
COVERS = (0.7, 0.9)
LEAST = 20  # recorded curves: fewer are not enough to calibrate
SHORTEST = 8  # epochs of a curve that can be forecast
SPLITS = 5  # folds of the recorded curves, to check the interval on them


@dataclass(frozen=True)
class Recorded:
    """A curve of the same sweep: the monitor and the learning rate, one value per epoch each."""

    values: Sequence[float]
    rates: Sequence[float] = ()

    def dropped(self, epoch: int) -> bool:
        """Return whether the rate had dropped by an epoch (1-based)."""
        rates = self.rates[:epoch]
        return any(after < before for before, after in itertools.pairwise(rates))


@dataclass(frozen=True)
class Forecast:
    """The best value at `epoch` if training continued, and its interval at `LEVEL`.

    last: the best value so far, which the forecast has to beat. covered: how often the interval
    held the truth on the recorded curves. error, error_of_last: median absolute errors there.
    curves: how many there were. All values in the monitor's unit.
    """

    epoch: int
    value: float
    low: float
    high: float
    last: float
    covered: float
    error: float
    error_of_last: float
    curves: int


def forecast(
    curve: Recorded, others: Sequence[Recorded], more: int, sign: float = 1.0
) -> Forecast | None:
    """Return what `more` epochs would bring, or None if that cannot be told. sign: the monitor's.

    It cannot be told after the rate has dropped, if the curve recently gained more than any
    recorded one, or if recorded curves are few or fail the check. If none is longer than this
    curve, only a doubling can be forecast.
    """
    n, to = len(curve.values), len(curve.values) + more
    if n < SHORTEST or more < 1 or curve.dropped(n) or not np.isfinite(curve.values).all():
        return None
    usable = [
        _best(other.values, sign)
        for other in others
        if len(other.values) >= n and not other.dropped(n) and np.isfinite(other.values).all()
    ]
    longer = [best for best in usable if len(best) >= to]
    if len(longer) >= LEAST:
        usable, known, before = longer, _stretch(longer, n, to), None
        checked = _check(known)
    elif len(usable) >= LEAST and more == n >= 2 * SHORTEST:
        first, before, known = (_stretch(usable, n // k, 2 * n // k) for k in (8, 4, 2))
        checked = _scores(_tried(before, known, first))
    else:
        return None
    best = _best(curve.values, sign)
    gained = float(best[n // 2 - 1] - best[n - 1])
    covered, error, error_of_last = map(float, checked)
    holds = COVERS[0] <= covered <= COVERS[1] and error < error_of_last
    if not holds or gained > known[0].max():
        return None
    low, middle, high = (float(one[0]) for one in _gains(known, np.array([gained]), before))
    at_least, at_most = sorted(sign * float(best[-1] - gain) for gain in (low, high))
    return Forecast(
        to,
        sign * float(best[-1] - middle),
        at_least,
        at_most,
        sign * float(best[-1]),
        covered,
        error,
        error_of_last,
        len(usable),
    )


def _stretch(curves: Sequence[Floats], cut: int, to: int) -> Stretch:
    """Return what each curve gained in the second half up to `cut`, and from there to `to`."""
    recent = np.array([best[cut // 2 - 1] - best[cut - 1] for best in curves])
    return recent, np.array([best[cut - 1] - best[to - 1] for best in curves])


def _best(values: Sequence[float], sign: float) -> Floats:
    return np.minimum.accumulate(sign * np.asarray(values, dtype=float))


def _gains(
    known: Stretch, gained: Floats, before: Stretch | None = None
) -> tuple[Floats, Floats, Floats]:
    """Return (low, forecast, high) of the gains to come, from curves whose gains are known.

    Each known curve's error is that of the ratio which the other curves have, relative to its
    recent gain. before: an earlier stretch, whose ratio's errors are to be covered too.
    """
    recent, future = known
    part, floor = _part(known)
    scale, own = np.maximum(recent, floor), np.maximum(gained, floor)
    without = np.array([np.median(np.delete(future / scale, i)) for i in range(len(future))])
    errors = (future - without * recent) / scale
    low, high = _ends(without[:, None] * gained + errors[:, None] * own)
    if before is not None:
        errors = (future - _part(before)[0] * recent) / scale
        further = _ends(part * gained + errors[:, None] * own)
        low, high = np.minimum(low, further[0]), np.maximum(high, further[1])
    return np.maximum(low, 0.0), np.maximum(part * gained, 0.0), np.maximum(high, 0.0)


def _part(known: Stretch) -> tuple[float, float]:
    """Return the median ratio of gains, and the floor of what counts as a recent gain."""
    floor = max(float(np.median(known[0])) / 4.0, 1e-12)
    return float(np.median(known[1] / np.maximum(known[0], floor))), floor


def _ends(sampled: Floats) -> tuple[Floats, Floats]:
    """Return the conformal ends of `LEVEL` over the first axis."""
    m, outside = len(sampled), (1.0 - LEVEL) / 2.0
    upper = min(m - 1, math.ceil((m + 1) * (1.0 - outside)) - 1)
    ends = np.sort(sampled, axis=0)
    return ends[max(0, math.floor((m + 1) * outside) - 1)], ends[upper]


def _check(known: Stretch) -> Floats:
    """Return how often the interval covers, and both median errors, each on curves left out."""
    fold = np.arange(len(known[0])) % SPLITS
    tried = [_tried(_of(known, fold != k), _of(known, fold == k)) for k in range(SPLITS)]
    return _scores(np.concatenate(tried, axis=1))


def _of(known: Stretch, which: NDArray[np.bool_]) -> Stretch:
    return known[0][which], known[1][which]


def _tried(known: Stretch, left: Stretch, before: Stretch | None = None) -> Floats:
    """Return (covered, error, error of the last value) of every curve left out, as rows."""
    gained, truth = left
    low, middle, high = _gains(known, gained, before)
    covered = (low <= truth) & (truth <= high)
    return np.stack([covered.astype(float), np.abs(middle - truth), np.abs(truth)])


def _scores(tried: Floats) -> Floats:
    return np.array([tried[0].mean(), np.median(tried[1]), np.median(tried[2])])
