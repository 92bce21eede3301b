"""The dense sweeps as they were: the space of the built-in data on a user's own table too."""

from __future__ import annotations

import dataclasses
from typing import Any

from sweeps import Sweep
from sweeps.dense_binary import SWEEP as BINARY
from sweeps.dense_multiclass import SWEEP as CLASSES
from sweeps.dense_regression import SWEEP as NUMBERS


def before(sweep: Sweep) -> Sweep:
    """Return a sweep without a portfolio, dropout and all that `own` brings."""
    space: Any = dataclasses.replace(sweep.objective.space, own=None)
    return dataclasses.replace(sweep, objective=dataclasses.replace(sweep.objective, space=space))


DENSE_BINARY, DENSE_MULTICLASS, DENSE_REGRESSION = map(before, (BINARY, CLASSES, NUMBERS))
SWEEPS = {one.name: one for one in (DENSE_BINARY, DENSE_MULTICLASS, DENSE_REGRESSION)}
