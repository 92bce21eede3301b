"""The loop that brings a study to its total: ask, train, prune, tell, track.

Nothing here knows how trials are trained: one after the other, in many processes, or with
scripted curves in a test. Taking the next spec is what asks the study for a trial.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from objectives.training import Decision, Logs, Outcome, Trainer, TrialResult
from objectives.training.beside import Beside
from objectives.training.checkpoint import kept_epoch
from objectives.training.errors import error_line
from objectives.training.whole_files import keep_only
from sweeps.study.driver import Driver, Judged, Progress
from sweeps.study.ended import ranked
from sweeps.study.first_alone import CURVE, FirstAlone
from sweeps.study.pruning import NEVER_PRUNED
from sweeps.study.several import finals
from sweeps.study.shown import OWN_SEED, name_best, report_last, reported, run_name
from sweeps.study.specs import Specs
from sweeps.study.storage import Store
from sweeps.tracking import Tracker, TrialRun

if TYPE_CHECKING:
    import optuna

LOG = logging.getLogger("sweeps")
FAILURES = 3  # in a row: something is wrong with the sweep, not with a trial


class SweepFailed(RuntimeError):
    """The sweep cannot go on; its study can, once the cause is mended."""


@dataclass
class _Trial(Judged):
    trial: optuna.trial.Trial
    reported: int  # the last step that the store already had
    kept: int  # the last epoch of its checkpoint: up to there it is known to go on
    shown: optuna.trial.Trial  # what takes reports: of several monitors, the first one's alone


@dataclass
class Loop:
    """total: ended trials that the study is brought to.

    begin: called when it is sure that the sweep runs, and again with every trial. say: takes the
    line that answers an interruption.
    """

    store: Store
    trainer: Trainer
    tracker: Tracker
    progress: Progress
    specs: Specs
    total: int
    out_of_time: Callable[[], bool] = lambda: False
    begin: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        ended = self.store.ended()
        self.done = len(ended)
        self.best = next((trial.reached for trial in ranked(ended, self.specs.monitor)), None)
        self.failures = 0
        self.error = ""
        self.first = FirstAlone(self.store.study) if self.specs.others else None
        self.reported = reported(self.specs.max_epochs, self.specs.rungs)

    def run(self) -> None:
        """Train until the total, the end of the time, or three failures in a row (SweepFailed)."""
        left = {f"{trial.number:05d}" for trial in self.store.unfinished()}
        if self.specs.checkpoints is not None:  # an end may have been cut before its last step
            keep_only(self.specs.checkpoints, left)
        driver = Driver(
            self.trainer,
            self.tracker,
            self._judge,
            self._end,
            self.progress,
            self.begin,
            self.say,
            Judged.judged,
        )
        driver.run(self._asked(driver))
        if self.failures >= FAILURES:
            raise SweepFailed(f"{FAILURES} trials failed in a row, the last with: {self.error}")

    def _asked(self, driver: Driver[_Trial]) -> Iterator[_Trial]:
        def may_start() -> bool:
            open_places = self.done + len(driver.running) < self.total
            return open_places and not self.out_of_time() and self.failures < FAILURES

        for trial in self.store.unfinished():
            if may_start():
                yield self._start(trial)
        while may_start() and self.store.may_ask():
            yield self._start(self.store.ask())

    def _start(self, trial: optuna.trial.Trial) -> _Trial:
        number, attrs = trial.number, trial.user_attrs
        role, params, config = attrs["role"], attrs["params"], self.store.config(attrs["params"])
        spec = self.specs.make(number, config, attrs["seed"], role)
        shown = trial if self.first is None else self.first.trial(number, attrs)
        known = shown.study._storage.get_trial(shown._trial_id).last_step
        label = self.store.space.label(config)
        return _Trial(
            spec,
            TrialRun(number, run_name(number, role, label), params, spec.seed, role),
            label,
            Beside(self.specs.others),
            trial,
            reported=known or 0,
            kept=kept_epoch(spec.checkpoint) if known and spec.checkpoint else 0,
            shown=shown,
        )

    def _judge(self, running: _Trial, epoch: int, logs: Logs) -> Decision:
        rungs, trial = running.spec.rungs, running.shown
        if self.out_of_time() or self.failures >= FAILURES:
            return Decision.STOP
        if running.best.epoch is None or epoch not in self.reported:
            return Decision.CONTINUE
        if epoch > running.reported:
            trial.report(running.best.value, epoch)
        decided = epoch < running.reported or epoch <= running.kept
        if decided or running.run.role in NEVER_PRUNED or epoch not in rungs:
            return Decision.CONTINUE
        return Decision.PRUNE if trial.should_prune() else Decision.CONTINUE

    def _end(self, running: _Trial, result: TrialResult) -> None:
        number = running.spec.number
        self.done += 1
        if result.outcome is not Outcome.INFEASIBLE:  # which tells nothing of how training goes
            self.failures = self.failures + 1 if result.outcome is Outcome.FAILED else 0
        self.error = error_line(result.error or "")
        if result.error:
            LOG.error("trial %d failed\n%s", number, result.error)
        numbers = {k: v for k, v in result.extra.items() if isinstance(v, int | float)}
        metrics = running.finals(result) | numbers | finals(result)
        if result.outcome is Outcome.COMPLETE and self.specs.max_epochs in self.reported:
            report_last(running.trial, result)
        if self.first is not None:
            running.trial.set_user_attr(CURVE, self.first.end(running.shown, result))
        self.store.tell(running.trial, result, metrics, self.tracker.run_id(number))
        way = result.extra.get("way")
        self.tracker.end_trial(number, result.outcome.value, metrics, {"way": way} if way else {})
        if result.outcome is Outcome.COMPLETE and self._leads(result.value):
            self.tracker.mark_best(number)
            name, monitor = running.run.name, running.spec.monitor.name
            name_best(self.store.study, number, name, monitor, running.best.value, OWN_SEED)

    def _leads(self, value: float | None) -> bool:
        better = self.specs.monitor.better
        if value is None or (self.best is not None and not better(value, self.best)):
            return False
        self.best = value
        return True
