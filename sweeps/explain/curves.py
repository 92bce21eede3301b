"""What one curve shows: its phases, and when it leaves the initial plateau.

These are pure functions of the monitor's values, one per epoch. Epochs count from 1, phases are
adjacent and do not overlap, and nothing depends on the unit of the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PLATEAU = "initial plateau"
FAST = "fast phase"
SLOW = "diminishing returns"
OVERFITTING = "overfitting"
DIVERGENCE = "divergence"

LEFT = 0.05  # share of all progress at which the plateau is left
STUCK = 0.01  # share of the first level: less than this is no progress
WORSE = 0.05  # share of all progress: an end that lost less is as good as the best
KNEE = 0.15  # distance from the chord, of 0 to 1: a straighter curve has no knee


@dataclass(frozen=True)
class Phase:
    """A name and its epochs, both included."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Shape:
    """The shape of a curve.

    start: the level at which it begins, or of its initial plateau. best: its best smoothed level,
    at `best_epoch`.
    end: its last level. noise: the standard deviation of an epoch's value around its trend.
    left: the first epoch past the initial level, None where it never leaves it. All levels are in
    the monitor's own unit.
    """

    phases: tuple[Phase, ...]
    start: float
    best: float
    end: float
    best_epoch: int
    noise: float
    left: int | None

    @property
    def progress(self) -> float:
        """How much the monitor improved, in its unit; never negative."""
        return abs(self.start - self.best)

    @property
    def has_plateau(self) -> bool:
        """Whether there is an initial plateau."""
        return any(phase.name == PLATEAU for phase in self.phases)

    @property
    def level_left(self) -> float:
        """The level whose crossing counts as leaving the plateau."""
        return self.start + LEFT * (self.best - self.start)

    @property
    def complaints(self) -> tuple[str, ...]:
        """Names of the phases that a healthy curve does not have."""
        return tuple(
            phase.name for phase in self.phases if phase.name in (PLATEAU, OVERFITTING, DIVERGENCE)
        )


def shape(
    values: Sequence[float], *, train: Sequence[float] | None = None, sign: float = 1.0
) -> Shape:
    """Return the shape of a curve.

    A value that is not finite ends the curve and begins divergence.

    Args:
        values: The monitor's, one per epoch.
        train: Training loss of the same epochs. Where the end is worse than the best epoch, it
            tells overfitting (it keeps falling) from divergence.
        sign: Of the monitor: 1 where lower is better, -1 where higher is.

    Raises:
        ValueError: There is no value, or the first is not finite.
    """
    given = sign * np.asarray(values, dtype=float)
    bad = np.flatnonzero(~np.isfinite(given))
    v = given[: bad[0]] if len(bad) else given
    if not len(v):
        raise ValueError("a curve needs at least one finite value")
    level, noise = smooth(v), noise_of(v)
    start = _start(level)
    best = int(np.argmin(level))
    progress = max(start - level[best], 0.0)
    left, bound = None, start
    # The noise of a short curve is itself uncertain.
    if progress > max((4.0 + 40.0 / len(v)) * noise, STUCK * abs(start)):
        step = min(max(LEFT * progress, 3.0 * noise), 0.4 * progress)
        bound = start - step
        left = _stays_below(level, bound)
    end = float(np.median(v[-(1 if len(v) < 8 else 3 if len(v) < 50 else 5) :]))
    phases = _before(level, start, best, left, bound)
    if phases[0][0] != PLATEAU:
        start = float(level[0])
    phases += _after(v, level, train, best, end - level[best], max(progress, WORSE * abs(start)))
    if len(bad):
        phases.append((DIVERGENCE, len(v)))
    return Shape(
        _joined(phases, len(given)),
        start=sign * start,
        best=sign * float(level[best]),
        end=sign * end,
        best_epoch=best + 1,
        noise=noise,
        left=None if left is None else left + 1,
    )


def crossing(values: Sequence[float], level: float, start: float, sign: float = 1.0) -> float:
    """Return when a curve passes `level` for good, in fractional epochs; inf if it never does.

    start: its value before the first epoch, from which the first epoch's is interpolated.
    """
    v = sign * np.asarray(values, dtype=float)
    v = np.concatenate([[sign * start], np.where(np.isfinite(v), v, np.inf)])
    index = _stays_below(smooth(v), sign * level)
    if index is None:
        return float("inf")
    if index == 0:
        return 0.0
    before, after = v[index - 1], v[index]
    if not (np.isfinite(before) and before > sign * level >= after):
        return float(index)
    return float(index - 1 + (before - sign * level) / (before - after))


def smooth(values: Any) -> Floats:
    """Return running medians over 3 to 7 epochs; windows shrink towards both ends."""
    v = np.asarray(values, dtype=float)
    n = len(v)
    half = 1 if n < 20 else 2 if n < 60 else 3
    reach = [min(half, i, n - 1 - i) for i in range(n)]
    return np.array([np.median(v[i - r : i + r + 1]) for i, r in enumerate(reach)])


def noise_of(values: Any) -> float:
    """Return the standard deviation of the values around a locally straight trend.

    From the median of second differences, so that single jumps do not count; from their mean
    square where there are too few for a median. Gasser, Sroka and Jennen-Steinmetz, "Residual
    variance and residual pattern in nonlinear regression", Biometrika 1986, made robust.
    """
    v = np.asarray(values, dtype=float)
    if len(v) < 4:
        return 0.0
    bends = np.abs(np.diff(v, 2)) / np.sqrt(6.0)
    if len(v) < 20:
        return float(np.sqrt(np.mean(bends**2)))
    return float(np.median(bends) / 0.6745)


def _start(level: Floats) -> float:
    """Return the median level of the first half of the way to half the progress."""
    rough = (level[0] + level.min()) / 2.0
    half = int(np.argmax(level <= rough))
    return float(np.median(level[: max(1, (half + 1) // 2)]))


def _stays_below(level: Floats, bound: float) -> int | None:
    """Return the first index from which three values in a row are at or below the bound."""
    below = level <= bound
    for index in np.flatnonzero(below):
        if below[index : index + 3].all():
            return int(index)
    return None


def _between(level: Floats, index: int, bound: float) -> float:
    """Return where a curve passes the bound that it is at or below from this index on."""
    if index == 0:
        return 0.0
    before, after = level[index - 1], level[index]
    return float(index - (bound - after) / (before - after))


def _before(
    level: Floats, start: float, best: int, left: int | None, bound: float
) -> list[tuple[str, int]]:
    """Return (phase, first index) up to the best epoch. bound: what is passed at `left`."""
    if left is None:
        return [(PLATEAU, 0)] if len(level) > 1 else [(FAST, 0)]
    total = start - level[best]
    passed = (start - level[left - 1]) / total if left else 0.0
    # Interpolated between epochs, since one epoch is a large part of a short plateau.
    middle = start - 0.5 * total
    half = _between(level, int(np.argmax(level <= middle)), middle)
    leaves = _between(level, left, bound)
    # A straight line has a tenth of its progress at a fifth of the time it needs for half. A
    # plateau is what is left later than on any straight line.
    plateau = left >= 3 and leaves / max(half, 1.0) > max(0.45, 2.0 * max(passed, LEFT) + 0.2)
    begin = left if plateau else 0
    found = [(PLATEAU, 0)] if plateau else []
    knee = _knee(level[begin : best + 1])
    return [*found, (FAST, begin)] + ([(SLOW, begin + knee)] if knee is not None else [])


def _knee(level: Floats) -> int | None:
    """Return the index past the point farthest below the chord, None where there is none.

    Satopää et al., "Finding a 'Kneedle' in a Haystack", ICDCS Workshops 2011.
    """
    if len(level) < 5:
        return None
    lowest = np.minimum.accumulate(level)
    drop = lowest[0] - lowest[-1]
    if drop <= 0.0:
        return None
    line = np.linspace(1.0, 0.0, len(level))
    distance = line - (lowest - lowest[-1]) / drop
    knee = int(np.argmax(distance))
    return knee + 1 if distance[knee] > KNEE and knee + 1 < len(level) else None


def _after(
    v: Floats,
    level: Floats,
    train: Sequence[float] | None,
    best: int,
    loss: float,
    scale: float,
) -> list[tuple[str, int]]:
    """Return the phase that follows the best epoch, if the end is worse by more than noise."""
    rest = len(v) - best - 1
    if rest < 3 or len(v) < 8 or loss <= max(WORSE * scale, 4.0 * noise_of(v)):
        return []
    if train is None:
        return [(OVERFITTING, best + 1)]
    fitted = smooth(np.asarray(train, dtype=float)[: len(v)])
    if np.median(fitted[-min(5, rest) :]) <= fitted[best]:
        return [(OVERFITTING, best + 1)]
    return [(DIVERGENCE, best + 1)] if loss > 0.5 * scale else []


def _joined(starts: list[tuple[str, int]], epochs: int) -> tuple[Phase, ...]:
    """Return phases from (name, first index) in order; each ends where the next begins."""
    last = [first for _, first in starts[1:]] + [epochs]
    return tuple(
        Phase(name, first + 1, end)
        for (name, first), end in zip(starts, last, strict=True)
        if end > first
    )
