"""The loop that brings a study to its total: ask, train, prune, tell, track.

Nothing here knows how trials are trained: one after the other, in many processes, or with
scripted curves in a test. Taking the next spec is what asks the study for a trial.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from objectives import Monitor
from objectives.training import (
    CHECKPOINT_EVERY,
    Best,
    Decision,
    Logs,
    Outcome,
    Trainer,
    TrialResult,
    TrialSpec,
)
from objectives.training.checkpoint import kept_epoch
from objectives.training.files import forget, keep_only
from sweeps.study.ended import ranked
from sweeps.study.interrupts import Interrupts
from sweeps.study.pruning import SPARED
from sweeps.study.storage import REPORTED_FIRST, Store
from sweeps.tracking import Tracker, TrialRun

if TYPE_CHECKING:
    import optuna

LOG = logging.getLogger("sweeps")
FAILURES = 3  # in a row: something is wrong with the sweep, not with a trial


class SweepFailed(RuntimeError):
    """The sweep cannot go on; its study can, once the cause is mended."""


class Progress(Protocol):
    """Who watches the loop."""

    def started(self, spec: TrialSpec, label: str) -> None:
        """Take a trial that was asked for."""
        ...

    def epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> None:
        """Take an epoch's logs."""
        ...

    def ended(self, result: TrialResult) -> None:
        """Take the end of a trial, or its interruption."""
        ...


@dataclass
class _Running:
    trial: optuna.trial.Trial
    best: Best
    run: TrialRun
    never_pruned: bool
    reported: int  # the last step that the store already had
    kept: int = 0  # the last epoch of its checkpoint: up to there it is known to go on
    rate: float | None = None
    drops: int = 0
    tracked: bool = False


@dataclass
class Loop:
    """total: ended trials that the study is brought to. deadline: by `time.monotonic`, or None.

    weights, checkpoints: folders. begin: called once, when it is sure that the sweep runs.
    """

    store: Store
    trainer: Trainer
    tracker: Tracker
    progress: Progress
    total: int
    max_epochs: int
    monitor: Monitor
    rungs: tuple[int, ...]
    patience: int
    weights: Path
    checkpoints: Path
    checkpoint_every: float = CHECKPOINT_EVERY
    check: bool = True
    deadline: float | None = None
    interrupts: Interrupts = field(default_factory=Interrupts)
    begin: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.running: dict[int, _Running] = {}
        ended = self.store.ended()
        self.done = len(ended)
        self.best = next((trial.reached for trial in ranked(ended, self.monitor)), None)
        self.failures = 0
        self.error = ""
        self.begun = False

    def run(self) -> None:
        """Train until the total, the deadline, or three failures in a row (SweepFailed)."""
        left = {f"{trial.number:05d}" for trial in self.store.unfinished()}
        keep_only(self.checkpoints, left)  # an end may have been cut before its last step
        results = self.trainer.train(self._specs(), self._on_epoch)
        try:
            with self.interrupts, closing(results):
                for result in results:
                    with self.interrupts.shield():
                        self._end(result)
        finally:
            for number, state in self.running.items():
                if state.tracked:
                    self.tracker.interrupt_trial(number)
        if self.failures >= FAILURES:
            raise SweepFailed(f"{FAILURES} trials failed in a row, the last with: {self.error}")

    @property
    def out_of_time(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _specs(self) -> Iterator[TrialSpec]:
        for trial in self.store.unfinished():
            if self._may_start():
                with self.interrupts.shield():
                    spec = self._start(trial)
                yield spec
        while self._may_start():
            with self.interrupts.shield():
                spec = self._start(self.store.ask())
            yield spec

    def _may_start(self) -> bool:
        open_places = self.done + len(self.running) < self.total
        return open_places and not self.out_of_time and self.failures < FAILURES

    def _start(self, trial: optuna.trial.Trial) -> TrialSpec:
        attrs = trial.user_attrs
        config = self.store.config(attrs["params"])
        checkpoint = self.checkpoints / f"{trial.number:05d}"
        spec = TrialSpec(
            number=trial.number,
            config=config,
            seed=attrs["seed"],
            max_epochs=self.max_epochs,
            monitor=self.monitor,
            rungs=self.rungs,
            patience=0 if attrs["role"] in SPARED else self.patience,
            weights=self.weights / f"{trial.number:05d}.npz",
            checkpoint=checkpoint,
            checkpoint_every=self.checkpoint_every,
            ways=self.store.ways.copy(),
            check=self.check,
        )
        known = self.store.study.get_trials(deepcopy=False)[trial.number].last_step
        role, label = attrs["role"], self.store.space.label(config)
        self.running[trial.number] = _Running(
            trial,
            Best(self.monitor),
            TrialRun(
                trial.number, run_name(trial.number, role, label), attrs["params"], spec.seed, role
            ),
            never_pruned=role in SPARED,
            reported=known or 0,
            kept=kept_epoch(checkpoint) if known else 0,
        )
        self.progress.started(spec, label)
        return spec

    def _on_epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        with self.interrupts.shield():
            return self._judge(spec, epoch, logs)

    def _judge(self, spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        state = self.running[spec.number]
        state.best.update(epoch, logs)
        rate = logs["learning_rate"]
        state.drops += state.rate is not None and rate < state.rate
        state.rate = rate
        self._track(state)
        self.tracker.epoch(spec.number, epoch, logs)
        self.progress.epoch(spec, epoch, logs)
        if self.out_of_time or self.failures >= FAILURES:
            return Decision.STOP
        if epoch != REPORTED_FIRST and epoch not in spec.rungs:
            return Decision.CONTINUE
        if epoch > state.reported:
            state.trial.report(state.best.value, epoch)
        decided = epoch < state.reported or epoch <= state.kept
        if decided or state.never_pruned or epoch not in spec.rungs:
            return Decision.CONTINUE
        return Decision.PRUNE if state.trial.should_prune() else Decision.CONTINUE

    def _track(self, state: _Running) -> None:
        # Not before the first epoch: a misspelt monitor shall leave no run behind.
        if not self.begun:
            self.begun = True
            self.begin()
        if not state.tracked:
            state.tracked = True
            self.tracker.start_trial(state.run)

    def _end(self, result: TrialResult) -> None:
        number = result.spec.number
        state = self.running.pop(number)
        self.progress.ended(result)
        if result.outcome is Outcome.INTERRUPTED:
            if state.tracked:
                self.tracker.interrupt_trial(number)
            return
        self.done += 1
        self.failures = self.failures + 1 if result.outcome is Outcome.FAILED else 0
        self.error = (result.error or "\n").strip().rpartition("\n")[2]
        if result.error:
            LOG.error("trial %d failed\n%s", number, result.error)
        self._track(state)
        metrics = _finals(result, state)
        self.store.tell(state.trial, result, metrics, self.tracker.run_id(number))
        forget(result.spec.checkpoint)
        way = result.extra.get("way")
        self.tracker.end_trial(number, result.outcome.value, metrics, {"way": way} if way else {})
        if result.outcome is Outcome.COMPLETE and self._leads(result.value):
            self.tracker.mark_best(number)

    def _leads(self, value: float | None) -> bool:
        if value is None or (self.best is not None and not self.monitor.better(value, self.best)):
            return False
        self.best = value
        return True


def run_name(number: int, role: str, label: str) -> str:
    """Return a run's name: MLflow's list cuts what is longer than 22 characters."""
    return f"{number:03d} {'baseline' if role == 'baseline' else label}"[:22]


def _finals(result: TrialResult, state: _Running) -> dict[str, Any]:
    finals: dict[str, Any] = {"epochs": result.epochs, "lr_drops": state.drops}
    if result.value is not None:
        finals[f"trial_best_{result.spec.monitor.name}"] = result.value
        finals["best_epoch"] = result.best_epoch
    numbers = {k: v for k, v in result.extra.items() if isinstance(v, int | float)}
    return finals | numbers
