"""The interface of a tracker, which records what happened and decides nothing.

A tracker knows studies by name, trials by number, and metrics by name and step. It imports nothing
else of this project, never sees a model, and never makes the sweep wait: it queues what it is
given, writes it in batches, and tries again after a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StudyRun:
    """What the parent run of a study holds from the start.

    Attributes:
        experiment: MLflow's experiment; there is one per sweep.
        name: The study's.
        params: Search space, seed, budget, monitor, versions.
        data: Source, shape, digest and the like.
        monitor: Name of the metric that decides.
        lowest: Whether lower values of the monitor are better.
        columns: Parameters that MLflow's table shows.
        axes: Parameters that every trial has, for the plot of parallel coordinates: MLflow omits
            trials that lack one.
        tags: Tags of the run.
        instance: Distinguishes the study from a deleted one of the same name, whose runs must not
            be reopened.
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
    """What the child run of a trial holds from the start.

    Attributes:
        number: Identifies the trial for good: its run is reopened, never replaced.
        name: The run's name.
        params: Hyperparameters.
        seed: Of the training.
        role: trial, baseline or tried, which are numbered together; or confirm or probe, which
            are each numbered separately.
        of: Number of the trial that this run repeats, under whose run it then appears.
    """

    number: int
    name: str
    params: Mapping[str, Any]
    seed: int
    role: str = "trial"
    of: int | None = None


@dataclass(frozen=True)
class EndedTrial:
    """A finished trial in the study's store. epochs: how many it ran. metrics: final values."""

    trial: TrialRun
    outcome: str
    epochs: int
    metrics: Mapping[str, float]


class Tracker:
    """Where runs are recorded: the interface, whose methods do nothing here.

    They return at once, except `close`, which waits for a while.
    """

    def prepare(self) -> None:
        """Load what the first run needs, on a core that is free for a few seconds.

        A process that ends meanwhile waits until it is loaded, for two seconds at most.
        """

    def start_study(self, study: StudyRun) -> None:
        """Create or reopen the parent run, and prepare its MLflow page."""

    def start_trial(self, trial: TrialRun) -> None:
        """Create or reopen the child run of this number and role."""

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record one epoch's metrics, without values that are not finite."""

    def end_trial(
        self,
        number: int,
        outcome: str,
        metrics: Mapping[str, float],
        params: Mapping[str, str] = {},
    ) -> None:
        """Record a trial's final metrics (at step 0), params and outcome, and end its run."""

    def interrupt_trial(self, number: int) -> None:
        """Flush a trial that will be continued later; its run stays open."""

    def mark_best(self, number: int, also: Sequence[int] = ()) -> None:
        """Mark this trial as the best one so far, and those that none beats; and no other."""

    def repair(self, ended: Iterable[EndedTrial], say: Callable[[str], None]) -> None:
        """Make the runs agree with the study's store, after `start_study`, beside the training.

        Args:
            ended: All finished trials of the store.
            say: Takes a line per repair, from another thread, once it is done.
        """

    def resume(self) -> None:
        """Deliver what an earlier process has left, where no study is started."""

    def end_study(
        self, metrics: Mapping[str, float], *, summary: str = "", files: Mapping[str, Path] = {}
    ) -> None:
        """Record the parent's metrics, its note (Markdown) and files (artifact path -> file)."""

    def run_id(self, number: int, role: str = "trial") -> str | None:
        """Return the run ID of a trial, or of a run of another role, once it is known."""
        return None

    def address(self) -> str | None:
        """Return the address of this study's page under `mlflow ui`, once it is known."""
        return None

    def close(self, timeout: float = 30.0) -> int:
        """Deliver what is queued, within `timeout` seconds; return how many items remain."""
        return 0


class NoTracker(Tracker):
    """Records nothing."""
