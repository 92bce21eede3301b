"""An explanation as a page needs it: what `explain --json` writes, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reference:
    """The config that is explained."""

    name: str
    label: str
    monitor: str


@dataclass(frozen=True)
class Phase:
    """A name and its epochs, both included."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Curve:
    """What the reference's curve shows."""

    phases: Sequence[Phase]
    best: float
    best_epoch: int


@dataclass(frozen=True)
class Advice:
    """What to do, and the probe that showed it."""

    text: str
    probe: str | None = None
    change: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Judged:
    """A probe's paired difference to the reference; without an interval, of one pair."""

    text: str
    outcome: str
    difference: float
    low: float | None
    high: float | None
    n: int
    p: float

    @property
    def sure(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None and self.high is not None


@dataclass(frozen=True)
class Verdict:
    """What a cause comes to."""

    text: str
    outcome: str
    evidence: Sequence[Judged]


@dataclass(frozen=True)
class Final:
    """What sets the final value. worth: a smaller difference is too small to count."""

    worth: float
    verdicts: Sequence[Verdict]
    data: Judged | None


@dataclass(frozen=True)
class Waited:
    """A ratio of plateau lengths; bound: it is at least this."""

    text: str
    outcome: str
    ratio: float
    low: float | None
    high: float | None
    bound: bool


@dataclass(frozen=True)
class Plateau:
    """What sets the length of the initial plateau."""

    verdicts: Sequence[Waited]


@dataclass(frozen=True)
class Hypothesis:
    """What people say of plateaus, and whether it holds here."""

    name: str
    outcome: str
    text: str


@dataclass(frozen=True)
class Forecast:
    """What more epochs would bring: an 80% interval from so many other curves."""

    value: float
    low: float
    high: float
    epoch: int
    curves: int


@dataclass(frozen=True)
class Run:
    """A probe's training on one seed."""

    probe: str
    text: str
    seed: int
    value: float | None
    curve: Sequence[float | None]


@dataclass(frozen=True)
class Finding:
    """An explanation. complete: the budget allowed everything wanted."""

    reference: Reference
    curve: Curve
    limit: str
    advice: Advice
    plateau_advice: Advice | None
    final_value: Final
    initial_plateau: Plateau | None
    hypotheses: Sequence[Hypothesis]
    forecast: Forecast | None
    runs: Sequence[Run]
    complete: bool


def read(found: Mapping[str, Any] | str | bytes) -> Finding:
    """Return an explanation from plain data or from the text of its file; the rest is left out."""
    import pydantic

    made = pydantic.TypeAdapter(Finding)
    if isinstance(found, str | bytes):
        return made.validate_json(found)
    return made.validate_python(found)
