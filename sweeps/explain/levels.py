"""The level where a run's monitor began, how far it came, and what remains to gain."""

from __future__ import annotations

import math
from typing import Any

from sweeps.explain.changes import Reference
from sweeps.explain.curves import Shape, shape
from sweeps.explain.runs import Run


def shape_of(run: Run, reference: Reference) -> Shape:
    """Return the shape of a run's curve. Raises ValueError if no epoch was finite."""
    return shape(
        run.curves.get(reference.monitor.name, []),
        train=run.curves.get("loss"),
        sign=reference.monitor.sign,
    )


def start_of(run: Run, found: Shape, reference: Reference) -> float:
    """Return the level from which a run's progress is counted.

    A net that learns most in its first epoch has made most of its progress before the monitor is
    first computed. The training loss over that epoch is then closer to the level at the start,
    which is at most that of guessing.
    """
    first = run.curves.get("loss", [])[:1]
    if reference.monitor.name != "val_loss" or reference.chance is None or not first:
        return found.start
    return max(found.start, min(first[0], reference.chance))


def remaining(run: Run, found: Shape, reference: Reference) -> float | None:
    """Return the remaining share of the first level: of a loss above 0, or a score below 1."""
    if reference.monitor.sign > 0:
        start = start_of(run, found, reference)
        return found.best / start if start > 0.0 <= found.best else None
    return (1.0 - found.best) / (1.0 - found.start) if found.start < 1.0 >= found.best else None


def fitted(run: Run) -> float | None:
    """Return the lowest training loss, None if none was finite or logged."""
    return min(filter(math.isfinite, run.curves.get("loss", [])), default=None)


def chance(labels: Any) -> float | None:
    """Return the cross-entropy of guessing by class frequency; None if labels are not classes.

    labels: integers, or one column per class.
    """
    import numpy as np

    y = np.asarray(labels)
    y = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
    if not len(y) or not np.array_equal(y, np.round(y)):
        return None
    shares = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(shares * np.log(shares)).sum())
