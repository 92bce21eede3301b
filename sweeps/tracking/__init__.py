"""The contract of a tracker: it writes what happened, and decides nothing.

A tracker knows studies and trials by name and number, metrics by name and step. It imports
nothing of the engine, never sees a model, and never makes the sweep wait: what it is given is
queued, written in batches, and delivered again after a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class StudyRun:
    """What the parent run holds from its start.

    experiment: one a sweep. name: the study's. params: space, seed, budget, monitor, versions.
    data: source, shape, digest and the like. columns: the parameters worth a column. axes: those
    of parallel coordinates, which every trial has: a page leaves out who lacks one. lowest:
    whether lower values of the monitor are better.
    instance: tells this study from a deleted one of the same name, whose runs it must not reopen.
    """

    experiment: str
    name: str
    params: Mapping[str, Any]
    data: Mapping[str, Any]
    monitor: str
    lowest: bool
    columns: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    instance: str = ""


@dataclass(frozen=True)
class TrialRun:
    """What a child run holds from its start.

    role: trial, baseline or tried, which share one count of numbers; confirm and probe runs have
    a count each. of: the trial that this run repeats, whose run then is its parent. A number
    means the same trial for ever: its run is reopened, never replaced.
    """

    number: int
    name: str
    params: Mapping[str, Any]
    seed: int
    role: str = "trial"
    of: int | None = None


@dataclass(frozen=True)
class EndedTrial:
    """A trial as the study's store knows it. epochs: those it ran. metrics: its final ones."""

    trial: TrialRun
    outcome: str
    epochs: int
    metrics: Mapping[str, float]


class Tracker(Protocol):
    """Where runs go. Every method returns at once; `close` waits for delivery, for a while."""

    def start_study(self, study: StudyRun) -> None:
        """Create or reopen the parent run, and its prepared view."""
        ...

    def start_trial(self, trial: TrialRun) -> None:
        """Create or reopen the child run of this number and role."""
        ...

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Take one epoch's metrics; what is not finite is left out."""
        ...

    def end_trial(
        self,
        number: int,
        outcome: str,
        metrics: Mapping[str, float],
        params: Mapping[str, str] = {},
    ) -> None:
        """Write a trial's final metrics (at step 0), params and its outcome, and end its run."""
        ...

    def interrupt_trial(self, number: int) -> None:
        """Flush a trial that goes on another day; its run stays open."""
        ...

    def mark_best(self, number: int) -> None:
        """Show this trial as the best one so far, and no other."""
        ...

    def repair(self, ended: Iterable[EndedTrial], timeout: float = 30.0) -> list[str]:
        """Make the runs agree with the study's store; return what was mended, a line each.

        The one call that waits, at most `timeout` seconds. After `start_study`.
        """
        ...

    def end_study(
        self, metrics: Mapping[str, float], *, summary: str = "", files: Mapping[str, Path] = {}
    ) -> None:
        """Write the parent's metrics, its note (Markdown) and files (artifact path -> file)."""
        ...

    def run_id(self, number: int, role: str = "trial") -> str | None:
        """Return the run of a trial, or of another role, once it is known."""
        ...

    def address(self) -> str | None:
        """Return the page of this study under `mlflow ui`, once it is known."""
        ...

    def close(self, timeout: float = 30.0) -> int:
        """Deliver what is queued; return how many items could not be delivered."""
        ...


class NoTracker:
    """Tracks nothing."""

    def start_study(self, study: StudyRun) -> None:
        """Do nothing."""

    def start_trial(self, trial: TrialRun) -> None:
        """Do nothing."""

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def end_trial(
        self,
        number: int,
        outcome: str,
        metrics: Mapping[str, float],
        params: Mapping[str, str] = {},
    ) -> None:
        """Do nothing."""

    def interrupt_trial(self, number: int) -> None:
        """Do nothing."""

    def mark_best(self, number: int) -> None:
        """Do nothing."""

    def repair(self, ended: Iterable[EndedTrial], timeout: float = 30.0) -> list[str]:
        """Return nothing."""
        return []

    def end_study(
        self, metrics: Mapping[str, float], *, summary: str = "", files: Mapping[str, Path] = {}
    ) -> None:
        """Do nothing."""

    def run_id(self, number: int, role: str = "trial") -> str | None:
        """Return None."""
        return None

    def address(self) -> str | None:
        """Return None."""
        return None

    def close(self, timeout: float = 30.0) -> int:
        """Return 0."""
        return 0
