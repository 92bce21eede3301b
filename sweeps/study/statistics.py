"""Paired differences: how large, how sure, and how many more repeats would settle them."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from objectives.monitor import signs

REAL, UNDECIDED = "real", "undecided"
MOST_REPEATS = 1000
WIDE = 0.5  # an interval of a share's difference that tells too little
SHARES = (
    "acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "dice", "sensitivity",
    "specificity", "brier", "calibration_error",
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences a - b, in the unit of a and b.

    low, high: the two-sided t interval at `level`; infinite with a single pair. p: of the paired
    t test. word: "real" where the interval leaves out zero, else "undecided". more: how many more
    pairs would leave out zero if mean and spread stayed as they are; 0 where it is real, None
    where more than a thousand would be needed.
    """

    mean: float
    low: float
    high: float
    n: int
    p: float
    word: str
    spread: float
    level: float = 0.95
    more: int | None = 0
    cut: bool = False

    def __str__(self) -> str:
        cut = "; cut to what is possible" if self.cut else ""
        return f"{self.mean:+.3g} [{self.low:+.3g}, {self.high:+.3g}{cut}]"

    def within(self, margin: float) -> bool:
        """Return whether the whole interval lies inside +-margin: too small to matter."""
        return -margin < self.low and self.high < margin


def paired(
    a: Sequence[float], b: Sequence[float], level: float = 0.95, metric: str = ""
) -> Difference:
    """Return the difference a - b of values paired by position: equal seeds, equal data order.

    metric: the values' name, which tells whether they have bounds.

    Student, "The probable error of a mean", Biometrika 1908. Raises ValueError where the lengths
    differ, there is no pair, or a value is not finite.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"pairs need two equally long, non-empty lists: {len(a)} and {len(b)}")
    if not all(map(math.isfinite, (*a, *b))):
        raise ValueError("a paired difference needs finite values")
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    n, mean = len(gaps), math.fsum(gaps) / len(gaps)
    if n == 1:
        return _possible(of_moments(mean, math.inf, 1, level), a, b, metric)
    spread = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / (n - 1))
    # Values that differ by rounding alone are equal: their spread is no evidence.
    tiny = 1e-9 * max(map(abs, (*a, *b)))
    found = of_moments(mean, spread, n, level, tiny)
    real = found.word == REAL
    more = 0 if real else _more(mean if abs(mean) > tiny else 0.0, spread, n, level)
    return _possible(dataclasses.replace(found, more=more), a, b, metric)


def of_moments(
    mean: float, spread: float, n: int, level: float = 0.95, tiny: float = 0.0
) -> Difference:
    """Return a mean of n differences with that standard deviation, with its t interval.

    tiny: a mean that is no more is none.
    """
    if n < 2:
        return Difference(mean, -math.inf, math.inf, n, 1.0, UNDECIDED, math.inf, level, None)
    half = margin(spread, n, level)
    word, p = REAL if abs(mean) > half + tiny else UNDECIDED, _p(mean, spread, n, tiny)
    return Difference(mean, mean - half, mean + half, n, p, word, spread, level, None)


def bounds(metric: str, values: Iterable[float]) -> tuple[float, float]:
    """Return what a metric lies between, going by its name and the values that it took.

    Shares, such as accuracies, lie between 0 and 1, unless they are percentages; losses and errors
    of which none is negative do not fall below 0.
    """
    known = list(values)
    if not metric or min(known) < 0.0:
        return -math.inf, math.inf
    if any(word in metric for word in SHARES) and max(known) <= 1.0:
        return 0.0, 1.0
    falls = signs([metric]).get(metric, 0.0) > 0.0
    return 0.0 if falls else -math.inf, math.inf


def _possible(
    found: Difference, a: Sequence[float], b: Sequence[float], metric: str
) -> Difference:
    """Return a difference with an interval that lies within what b leaves to gain.

    Where the interval of shares is wider than WIDE, the values are too few or too far from normal
    for it: nothing is called real by it.
    """
    mean, (least, most) = math.fsum(b) / len(b), bounds(metric, (*a, *b))
    low, high = max(found.low, least - mean), min(found.high, most - mean)
    low, high = min(low, found.mean), max(high, found.mean)  # but for rounding, it is within
    cut = math.isfinite(found.spread) and (low > found.low or high < found.high)
    shown = dataclasses.replace(found, low=low, high=high, cut=cut)
    if most == 1.0 and found.word == REAL and found.high - found.low > WIDE:
        more = repeats_to_settle(WIDE / 2, found.spread, found.n)
        return dataclasses.replace(shown, word=UNDECIDED, more=more)
    return shown


def welch(
    a: Sequence[float], b: Sequence[float], level: float = 0.95, metric: str = ""
) -> Difference:
    """Return the difference of two unpaired samples' means, their spreads not assumed equal.

    Welch, "The generalization of Student's problem", Biometrika 1947. Raises ValueError for fewer
    than two values, or one that is not finite.
    """
    from scipy.stats import ttest_ind

    if min(len(a), len(b)) < 2 or not all(map(math.isfinite, (*a, *b))):
        raise ValueError(f"two samples of two finite values at least: {len(a)} and {len(b)}")
    mean = math.fsum(a) / len(a) - math.fsum(b) / len(b)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of values that are nearly equal
        test = ttest_ind(a, b, equal_var=False)
    if not math.isfinite(test.pvalue):  # no spread at all
        word = REAL if mean else UNDECIDED
        return Difference(mean, mean, mean, min(len(a), len(b)), 0.0 if mean else 1.0, word, 0.0)
    found = test.confidence_interval(level)
    low, high = float(found.low), float(found.high)
    word = REAL if low > 0.0 or high < 0.0 else UNDECIDED
    n, spread = min(len(a), len(b)), float(test.statistic and abs(mean / test.statistic))
    p = float(test.pvalue)
    found = Difference(mean, low, high, n, p, word, spread * n**0.5, level, None)
    return _possible(found, a, b, metric)


def margin(spread: float, n: int, level: float = 0.95) -> float:
    """Return half the width of the t interval of a mean of n values with that spread."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1.0 + level) / 2.0)) * spread / math.sqrt(n)


def holm(p: Sequence[float]) -> list[float]:
    """Return p values corrected for their number, in their order.

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 1979.
    """
    corrected, worst = [0.0] * len(p), 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        worst = max(worst, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = worst
    return corrected


def repeats_to_settle(distance: float, spread: float, n: int, level: float = 0.95) -> int | None:
    """Return how many more repeats bring the interval's half width below `distance`.

    None where more than a thousand would be needed.
    """
    if distance <= 0.0:
        return None
    for total in range(max(n, 2), MOST_REPEATS + 1):
        if margin(spread, total, level) < distance:
            return total - n
    return None


def _more(mean: float, spread: float, n: int, level: float) -> int | None:
    more = repeats_to_settle(abs(mean), spread, n, level)
    return None if more is None else max(more, 1)


def _p(mean: float, spread: float, n: int, tiny: float) -> float:
    from scipy.special import stdtr

    if abs(mean) <= tiny:
        return 1.0
    if spread <= tiny:
        return 0.0
    return float(2.0 * stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))
