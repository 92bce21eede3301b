"""The values of further monitors, at the epoch that is a trial's best by its first one.

They are those of one and the same epoch, so that one set of weights has them all; seconds are the
median of all epochs.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

from objectives import BadInput, Monitor
from objectives.costs import COSTS, SECONDS
from objectives.training import Best, Logs, Outcome, TrialResult


def measured(others: Sequence[Monitor], limits: Mapping[str, float]) -> dict[str, float]:
    """Return the limits of the trials' costs, infinite for those that are monitored alone."""
    return {one.name: math.inf for one in others if one.name in COSTS} | dict(limits)


class Beside:
    """The values of further monitors at the epoch that is a trial's best by its first one."""

    def __init__(self, others: Sequence[Monitor]) -> None:
        self.names = [one.name for one in others]
        self._seen = [Best(one) for one in others if one.name not in COSTS]
        self._values: dict[str, float] = {}
        self._seconds: list[float] = []

    def take(self, epoch: int, logs: Logs, *, best: bool) -> None:
        """Take an epoch's logs. Raises UnknownMonitor where they lack a monitor."""
        for one in self._seen:
            one.update(epoch, logs)
        self._seconds.append(logs.get(SECONDS, math.nan))
        if best:
            self._values = {one.monitor.name: logs[one.monitor.name] for one in self._seen}

    def judged(self, result: TrialResult) -> TrialResult:
        """Return a result with the values; one without a finite value of each has diverged."""
        if not self.names or result.value is None:
            return result
        found = self._values | {name: result.extra[name] for name in COSTS if name in result.extra}
        # The first epoch has also prepared the model.
        found |= {SECONDS: statistics.median(self._seconds[1:] or self._seconds or [math.nan])}
        values = {name: float(found.get(name, math.nan)) for name in self.names}
        wrong = [name for name, value in values.items() if not math.isfinite(value)]
        if not wrong:
            return dataclasses.replace(result, extra={**result.extra, "beside": values})
        if result.outcome is not Outcome.COMPLETE:
            return result
        if unmeasured := [name for name in wrong if name in COSTS]:
            raise BadInput(
                f"monitor {unmeasured[0]!r}: this --trainer does not measure it; take another one"
            )
        line = f"{wrong[0]} is not finite at epoch {result.best_epoch}, its best one"
        extra = {**result.extra, "notes": [*result.extra.get("notes", ()), line]}
        return dataclasses.replace(result, outcome=Outcome.DIVERGED, value=None, extra=extra)


def values_of(result: TrialResult) -> list[float]:
    """Return what Optuna is told of a complete trial."""
    if result.value is None:
        raise ValueError(f"trial {result.spec.number} has no value: no epoch of it was finite")
    return [result.value, *result.extra.get("beside", {}).values()]
