"""What a page is made of: everything that it shows, typed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from sweeps.report.found import Finding
    from sweeps.study.confirm import Confirmed
    from sweeps.study.ended import Ended
    from sweeps.study.summary import Summary


@dataclass(frozen=True)
class Point:
    """A bin of a reliability curve: rows, the predicted probability, the observed share."""

    rows: float
    said: float
    seen: float


@dataclass(frozen=True)
class Plain:
    """A plain model that the nets are held against: its scores by the names of the nets'."""

    title: str
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Report:
    """Everything that a page shows.

    labels: of the trials, by number. curves: number -> a row an epoch, a column a metric. signs:
    metric -> 1 where lower is better, -1 where higher is; the monitor's at least. confirmed: None
    where nothing was. rungs: epochs at which trials are judged. logarithmic: the parameters whose
    ranges are. commands: (what it does, command line). config: the best trial's, as text. notes:
    further lines, such as plain models that a net has to beat. calibration: the best trial's.
    fewest: complete trials that importances take.
    """

    summary: Summary
    trials: Sequence[Ended]
    curves: Mapping[int, pd.DataFrame]
    max_epochs: int
    signs: Mapping[str, float]
    labels: Mapping[int, str] = field(default_factory=dict)
    data: str = ""
    confirmed: Confirmed | None = None
    plain: Sequence[Plain] = ()
    rungs: Sequence[int] = ()
    logarithmic: Collection[str] = ()
    findings: Sequence[Finding] = ()
    commands: Sequence[tuple[str, str]] = ()
    config: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    calibration: Sequence[Point] = ()
    fewest: int = 0
    address: str | None = None

    @property
    def sign(self) -> float:
        """The monitor's: 1 where lower is better."""
        return self.signs[self.summary.monitor]

    def named(self, number: int) -> str:
        """Return `#7 32x3 adam 1.2e-2`."""
        return f"#{number} {self.labels.get(number, '')}".strip()

    def look(self, trial: Ended) -> str:
        """Return the name of a trial's colour: best, baseline, or its outcome."""
        best = self.summary.best
        if best is not None and best.number == trial.number:
            return "best"
        return "baseline" if trial.role == "baseline" else trial.outcome
