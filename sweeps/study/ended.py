"""An ended trial, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from objectives import Monitor
    from objectives.training import Way


STANDARD_ERROR = "standard_error"  # of a value that is a mean over folds: one of the metrics
# What a trial's user attributes hold of ours.
OWN_ATTRS = ("role", "params", "seed", "result", "fixed", "run_name", "curve")
NEVER_WHOLE = ("failed", "infeasible")  # no pruning has spared what these lack


@dataclass(frozen=True)
class Ended:
    """An ended trial, as plain data."""

    number: int
    role: str
    params: Mapping[str, Any]
    seed: int
    outcome: str
    value: float | None
    best_epoch: int | None
    epochs: int
    seconds: float
    max_epochs: int | None = None  # of its own, None where an earlier version did not keep it
    error: str | None = None
    run_id: str | None = None
    fallback: str | None = None
    structure: str | None = None
    way: Way | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)  # of trial.set_user_attr
    beside: Mapping[str, float] = field(default_factory=dict)  # further monitors, at that epoch

    @property
    def value_text(self) -> str:
        """The value to four digits, with its standard error where it is a mean over folds."""
        return value_text(self.reached, self.metrics.get(STANDARD_ERROR))

    @property
    def reached(self) -> float:
        """The value of a trial that has one, such as every complete one. Raises ValueError."""
        if self.value is None:
            raise ValueError(f"trial {self.number} has no value: no epoch of it was finite")
        return self.value

    def spared(self, max_epochs: int) -> int:
        """Return the epochs that ending early has spared. max_epochs: of the study."""
        if self.outcome in NEVER_WHOLE:
            return 0
        return max((self.max_epochs or max_epochs) - self.epochs, 0)


def value_text(value: float, error: float | None) -> str:
    """Return `0.3491 ± 0.012`, without an error the value alone."""
    return f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}"


def ranked(trials: list[Ended], monitor: Monitor) -> list[Ended]:
    """Return the complete trials, best first; the earlier of two equal ones first."""
    complete = [t for t in trials if t.outcome == "complete" and t.value is not None]
    return sorted(complete, key=lambda t: (monitor.sign * t.reached, t.number))


def baseline_of(trials: Sequence[Ended]) -> Ended | None:
    """Return the baseline: the last trial of that role, since one that failed is run again."""
    return next((t for t in reversed(trials) if t.role == "baseline"), None)


def ended_trial(trial: FrozenTrial) -> Ended:
    """Return an ended trial of Optuna's as plain data."""
    attrs = trial.user_attrs
    result = attrs.get("result", {})
    return Ended(
        number=trial.number,
        role=attrs.get("role", "trial"),
        params=attrs.get("params", trial.params),
        seed=attrs.get("seed", trial.number),
        outcome=result.get("outcome", trial.state.name.lower()),
        value=result.get("value", trial.values[0] if trial.values else None),
        best_epoch=result.get("best_epoch"),
        epochs=result.get("epochs", 0),
        seconds=result.get("seconds", 0.0),
        max_epochs=result.get("max_epochs"),
        error=result.get("error"),
        run_id=result.get("run_id"),
        fallback=result.get("fallback"),
        structure=result.get("structure"),
        way=result.get("way"),
        metrics=result.get("metrics", {}),
        beside=result.get("beside", {}),
        notes={key: value for key, value in attrs.items() if key not in OWN_ATTRS},
    )
