"""What more epochs would bring, from how other curves of the sweep went on; or nothing.

The best value so far is forecast from what the second half of the epochs gained: recorded curves
say which part of that a further stretch gains. The interval is a split-conformal one, whose
promise holds for any curve exchangeable with the recorded ones: Lei et al., "Distribution-Free
Predictive Inference for Regression", JASA 2018. A forecast is shown only where, on the recorded
curves themselves, the interval covers as often as it says and the forecast beats the last value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.8
COVERS = (0.7, 0.9)
LEAST = 20  # recorded curves: fewer calibrate nothing
SPLITS = 5  # of the recorded curves, to check the promise on them


@dataclass(frozen=True)
class Recorded:
    """A curve of the same sweep: the monitor and the learning rate, one value an epoch each."""

    values: Sequence[float]
    rates: Sequence[float] = ()

    def dropped(self, epoch: int) -> bool:
        """Return whether the rate had dropped by an epoch (1-based)."""
        rates = self.rates[:epoch]
        return any(after < before for before, after in itertools.pairwise(rates))


@dataclass(frozen=True)
class Forecast:
    """The best value at `epoch` if training went on, and the interval at `LEVEL`.

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
    curve: Recorded, others: Sequence[Recorded], more: int, mode: str = "min"
) -> Forecast | None:
    """Return what `more` epochs would bring, or None where it cannot be said.

    None after a drop of the rate, with few other curves that reach so far, or where the check on
    them fails. A shorter stretch does not stand for a longer one: intervals taken from it covered
    up to 95%.
    """
    n, to = len(curve.values), len(curve.values) + more
    if n < 4 or more < 1 or curve.dropped(n) or not np.isfinite(curve.values).all():
        return None
    usable = [
        _best(other.values[:to], mode)
        for other in others
        if len(other.values) >= to and not other.dropped(n)
        if np.isfinite(other.values[:to]).all()
    ]
    if len(usable) < LEAST:
        return None
    known = _stretch(usable, n, to)
    covered, error, error_of_last = _check(*known)
    if not (COVERS[0] <= covered <= COVERS[1] and error < error_of_last):
        return None
    best = _best(curve.values, mode)
    low, middle, high = _gain(*known, float(best[n // 2 - 1] - best[n - 1]))
    sign = 1.0 if mode == "min" else -1.0
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


def _stretch(curves: Sequence[Floats], cut: int, to: int) -> tuple[Floats, Floats]:
    """Return what each curve gained in the second half up to `cut`, and from there on."""
    recent = np.array([best[cut // 2 - 1] - best[cut - 1] for best in curves])
    return recent, np.array([best[cut - 1] - best[to - 1] for best in curves])


def _best(values: Sequence[float], mode: str) -> Floats:
    sign = 1.0 if mode == "min" else -1.0
    return np.minimum.accumulate(sign * np.asarray(values, dtype=float))


def _gain(recent: Floats, future: Floats, gained: float) -> tuple[float, float, float]:
    """Return (low, forecast, high) of the gain to come, from curves whose gains are known.

    Half of them fit the ratio, the other half calibrate: scores are errors relative to the recent
    gain, with a floor for curves that gained next to nothing.
    """
    fit, calibrate = slice(0, None, 2), slice(1, None, 2)
    floor = max(float(np.median(recent)) / 4.0, 1e-12)
    part = float(np.median(future[fit] / np.maximum(recent[fit], floor)))
    scale = np.maximum(recent[calibrate], floor)
    scores = np.sort((future[calibrate] - part * recent[calibrate]) / scale)
    m = len(scores)
    outside = (1.0 - LEVEL) / 2.0
    upper = min(m - 1, math.ceil((m + 1) * (1.0 - outside)) - 1)
    lower = max(0, math.floor((m + 1) * outside) - 1)
    own, middle = max(gained, floor), part * gained
    low, high = (middle + scores[i] * own for i in (lower, upper))
    return max(0.0, float(low)), max(0.0, middle), max(0.0, float(high))


def _check(recent: Floats, future: Floats) -> tuple[float, float, float]:
    """Return how often the interval covers, and both median errors, each on curves left out."""
    hits, errors = [], []
    fold = np.arange(len(recent)) % SPLITS
    for k in range(SPLITS):
        known, left = fold != k, fold == k
        for gained, truth in zip(recent[left], future[left], strict=True):
            low, middle, high = _gain(recent[known], future[known], float(gained))
            hits.append(low <= truth <= high)
            errors.append(abs(middle - truth))
    return float(np.mean(hits)), float(np.median(errors)), float(np.median(np.abs(future)))
