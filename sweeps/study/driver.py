"""The one driver of a trainer: for the search, for the repeats on fresh seeds, and for probes.

They differ in what they ask for next and in what they make of epochs and ends. That nothing they
write is cut by an interruption, that their runs are tracked, and that what an interruption leaves
can go on, is done here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from objectives.training import Best, Decision, Logs, Outcome, Trainer, TrialResult, TrialSpec
from objectives.training.beside import Beside
from objectives.training.whole_files import forget
from sweeps.study.ended import STANDARD_ERROR
from sweeps.study.interrupts import Interrupts
from sweeps.tracking import Tracker, TrialRun


class Progress(Protocol):
    """Who watches runs."""

    def started(self, spec: TrialSpec, label: str) -> None:
        """Take a run that was asked for."""
        ...

    def epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs."""
        ...

    def ended(self, result: TrialResult) -> None:
        """Take the end of a run, or its interruption."""
        ...


@dataclass
class Running:
    """A run that was asked for.

    run: as it is tracked. drops: of its learning rate, so far. standard_error: of its best value,
    None where that is no mean over folds.
    """

    spec: TrialSpec
    run: TrialRun
    label: str
    drops: int = field(default=0, init=False)
    standard_error: float | None = field(default=None, init=False)
    rate: float | None = field(default=None, init=False)
    tracked: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.best = Best(self.spec.monitor)

    def take(self, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs. Raises UnknownMonitor where they lack the monitor."""
        if self.best.update(epoch, logs):
            self.standard_error = logs.get(self.spec.monitor.standard_error)
        rate = logs["learning_rate"]
        self.drops += self.rate is not None and rate < self.rate
        self.rate = rate

    def finals(self, result: TrialResult) -> dict[str, Any]:
        """Return the metrics that a run ends with."""
        found: dict[str, Any] = {"epochs": result.epochs, "lr_drops": self.drops}
        if result.value is not None:
            found[f"trial_best_{self.spec.monitor.name}"] = result.value
            found["best_epoch"] = result.best_epoch
        return found


@dataclass
class Judged(Running):
    """A run whose further monitors are known at its best epoch."""

    beside: Beside

    def take(self, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs. Raises UnknownMonitor where they lack a monitor."""
        super().take(epoch, logs)
        self.beside.take(epoch, logs, best=self.best.epoch == epoch)

    def judged(self, result: TrialResult) -> TrialResult:
        """Return a result with their values; one that lacks any has diverged."""
        return self.beside.judged(result)


R = TypeVar("R", bound=Running)


@dataclass
class Driver(Generic[R]):
    """Trains what is asked for; an interruption comes between two calls of its user, never in one.

    on_epoch: decides, once the epoch is tracked. on_end: keeps the result of a run that was not
    interrupted, and ends it in the tracker. begin: called before a run is tracked, every time.
    say: takes the line that answers an interruption. judged: returns a result as it counts.
    """

    trainer: Trainer
    tracker: Tracker
    on_epoch: Callable[[R, int, Logs], Decision]
    on_end: Callable[[R, TrialResult], None]
    progress: Progress | None = None
    begin: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda line: None
    judged: Callable[[R, TrialResult], TrialResult] = lambda running, result: result

    def __post_init__(self) -> None:
        self.running: dict[int, R] = {}
        self.interrupts = Interrupts(lambda: self.say("stopping: press Ctrl-C again to quit now"))

    def run(self, asked: Iterator[R]) -> None:
        """Train all that is asked for; taking the next one is what asks for it."""
        results = self.trainer.train(self._specs(asked), self._on_epoch)
        try:
            with self.interrupts, closing(results):
                for result in results:
                    with self.interrupts.shield():
                        self._end(self.running.pop(result.spec.number), result)
        finally:
            for left in self.running.values():
                self._interrupt(left)
            self.running.clear()

    def _specs(self, asked: Iterator[R]) -> Iterator[TrialSpec]:
        while True:
            with self.interrupts.shield():
                one = next(asked, None)
                if one is None:
                    return
                self.running[one.spec.number] = one
                if self.progress is not None:
                    self.progress.started(one.spec, one.label)
            yield one.spec

    def _on_epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        with self.interrupts.shield():
            running = self.running[spec.number]
            running.take(epoch, logs)
            self._track(running)
            self.tracker.epoch(spec.number, epoch, logs)
            if self.progress is not None:
                self.progress.epoch(spec, epoch, logs)
            return self.on_epoch(running, epoch, logs)

    def _track(self, running: R) -> None:
        # Not before the first epoch: a misspelt monitor shall leave no run behind.
        if not running.tracked:
            self.begin()
            self.tracker.start_trial(running.run)
            running.tracked = True

    def _end(self, running: R, result: TrialResult) -> None:
        result = self.judged(running, result)
        if running.standard_error is not None:
            extra = {**result.extra, STANDARD_ERROR: running.standard_error}
            result = dataclasses.replace(result, extra=extra)
        if self.progress is not None:
            self.progress.ended(result)
        if result.outcome is Outcome.INTERRUPTED:
            self._interrupt(running)
            return
        self._track(running)
        self.on_end(running, result)
        forget(result.spec.checkpoint)

    def _interrupt(self, running: R) -> None:
        if running.tracked:
            self.tracker.interrupt_trial(running.spec.number)
