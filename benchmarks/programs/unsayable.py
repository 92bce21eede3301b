"""What people bring and an Objective cannot say."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.programs import Impossible
from benchmarks.programs.data import series, table


def no_target(source: Any) -> Any:
    """Return rows alone."""
    return table(source)[0]


def ragged(source: Any) -> Any:
    """Return series of different lengths in a list."""
    x, y = series(source)
    return [each[: 4 + at % 12] for at, each in enumerate(x)], y


def text_targets(source: Any) -> Any:
    """Return classes by their names."""
    x, y = table(source)
    return x, np.where(y[:, 0] > 0, "high", "low")


NO_TARGET = Impossible("`load` gives x and y; give x twice, or zeros", no_target)
RAGGED = Impossible("an array has one shape; pad the series and mask them", ragged)
TEXT_TARGETS = Impossible("y is numbers; number the classes", text_targets)
OWN_LOOP = Impossible("`build` gives a compiled model; a loop of one's own around it has no place")
TWO_FITS = Impossible("a trial is one training; freezing, training, thawing and training are two")
