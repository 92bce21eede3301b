"""Where a run's monitor began, how far it came, and what is left."""

from __future__ import annotations

import math
from typing import Any

from sweeps.explain.changes import Reference
from sweeps.explain.curves import Shape, shape
from sweeps.explain.runs import Run


def shape_of(run: Run, reference: Reference) -> Shape:
    """Return the shape of a run's monitor. Raises ValueError where no epoch was finite."""
    return shape(
        run.curves.get(reference.monitor.name, []),
        train=run.curves.get("loss"),
        sign=reference.monitor.sign,
    )


def start_of(run: Run, found: Shape, reference: Reference) -> float:
    """Return the level from which a run's progress is counted.

    A net that learns most in its first epoch has most of its way behind it when the monitor is
    first taken: the training loss over that epoch is then nearer to where it began, up to that of
    guessing.
    """
    first = run.curves.get("loss", [])[:1]
    if reference.monitor.name != "val_loss" or reference.chance is None or not first:
        return found.start
    return max(found.start, min(first[0], reference.chance))


def remaining(run: Run, found: Shape, reference: Reference) -> float | None:
    """Return the share of the first level that is left: of a loss above 0, a score below 1."""
    if reference.monitor.sign > 0:
        start = start_of(run, found, reference)
        return found.best / start if start > 0.0 <= found.best else None
    return (1.0 - found.best) / (1.0 - found.start) if found.start < 1.0 >= found.best else None


def fitted(run: Run) -> float | None:
    """Return the least training loss, None where none was finite or logged."""
    return min(filter(math.isfinite, run.curves.get("loss", [])), default=None)


def chance(labels: Any) -> float | None:
    """Return the cross-entropy of guessing by the classes' shares; None where y are no classes.

    labels: whole numbers, or one column a class.
    """
    import numpy as np

    y = np.asarray(labels)
    y = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
    if not len(y) or not np.array_equal(y, np.round(y)):
        return None
    shares = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(shares * np.log(shares)).sum())
