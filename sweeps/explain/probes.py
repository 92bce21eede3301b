"""Runs probes, which are the reference and its changes, on paired seeds within a budget.

Repeat k of each probe has the seed of repeat k of the reference, and so the same initial weights
and order of rows. All seeds are fresh, since the reference's own may be a lucky one.

However short the budget, every call completes something: the first run that it begins, and the
first NEEDED repeats of the reference, without which nothing can be explained.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from objectives.reading import counted
from objectives.training import Decision, Logs, Outcome, Trainer, TrialResult
from search_spaces import Space
from sweeps.explain.changes import REFERENCE, Probe, Reference
from sweeps.explain.runs import MOST, Record, Run, key_of
from sweeps.study.driver import Driver, Running
from sweeps.study.readers import time_text
from sweeps.study.samplers import seed_of
from sweeps.study.specs import Specs
from sweeps.tracking import Tracker, TrialRun

OVERTIME = 1.1  # of the budget: up to here, runs that have begun may end
NEEDED = 2  # repeats of the reference
KEPT = ("loss", "learning_rate")  # of an epoch's logs, besides the monitor


def seed(reference: Reference, repeat: int) -> int:
    """Return the seed of repeat `repeat` of all probes."""
    return seed_of(reference.seed, "probe", repeat)


@dataclass
class _Repeat(Running):
    probe: Probe
    repeat: int
    key: str
    needed: bool  # it is completed, whatever the budget
    curves: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Prober:
    """Trains wanted runs that are not on record, until the budget is spent.

    specs: what the runs have in common. budget: seconds of this call, from its first run onwards;
    needed runs may take longer. say: receives lines of progress.
    """

    reference: Reference
    space: Space[Any]
    specs: Specs
    trainer: Trainer
    tracker: Tracker
    record: Record
    budget: float
    say: Callable[[str], None] = lambda line: None
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._begun: float | None = None
        self._pace: float | None = (
            None  # seconds per epoch of the reference, all overhead included
        )
        self._waiting: list[Probe] = []  # of the runs that are to be trained, those not ended
        self._total = 0
        self.complete = True  # whether all wanted runs were trained
        self._driver = Driver(self.trainer, self.tracker, self._on_epoch, self._end, say=self.say)

    def runs(self, probe: Probe, repeats: int = MOST) -> list[Run]:
        """Return a probe's runs on record, in the order of their repeats, without gaps."""
        found = []
        for repeat in range(repeats):
            key = key_of(self.reference, probe, seed(self.reference, repeat))
            if key not in self.record.ended:
                break
            run = self.record.ended[key]
            # A tracker may learn a run's ID only some time after the run has ended.
            known = run.run_id or self.tracker.run_id(run.number, "probe")
            found.append(replace(run, run_id=known))
        return found

    def train(self, wanted: Iterable[tuple[Probe, int]]) -> None:
        """Train every wanted (probe, repeat) that is not on record."""
        missing = [(probe, repeat) for probe, repeat in wanted if not self._known(probe, repeat)]
        self._waiting = [probe for probe, _ in missing]
        self._total = len(missing)
        if missing:
            of = counted(len({probe.name for probe in self._waiting}), "probe")
            what = "the reference" if {p.name for p in self._waiting} == {REFERENCE} else of
            self.say(f"{counted(self._total, 'run')} of {what} to go{self._left()}")
        self._driver.run(self._asked(missing))

    def _known(self, probe: Probe, repeat: int) -> bool:
        return key_of(self.reference, probe, seed(self.reference, repeat)) in self.record.ended

    def _left(self) -> str:
        """Return the time that the runs still take, the budget at most; nothing where unknown."""
        if self._pace is None or not self._waiting:
            return ""
        whole = sum(map(self._expected, self._waiting)) / max(self.trainer.places, 1)
        return f", about {time_text(max(min(whole, self.budget - self.spent), 0.0))} left"

    @property
    def spent(self) -> float:
        """Seconds since the first run began; before it, 0."""
        return 0.0 if self._begun is None else self.clock() - self._begun

    def _asked(self, wanted: Iterable[tuple[Probe, int]]) -> Iterator[_Repeat]:
        for probe, repeat in wanted:
            run_seed = seed(self.reference, repeat)
            key = key_of(self.reference, probe, run_seed)
            needed = self._begun is None or (probe.name == REFERENCE and repeat < NEEDED)
            if self._begun is None:
                self._begun = self.clock()
            over = self.spent + self._expected(probe) > self.budget
            if over and not needed:
                self.complete = False
                continue  # a cheaper one may still fit
            number = self.record.number(key)
            own: dict[str, Any] = {"max_epochs": probe.max_epochs, "share": probe.share}
            params = self.space.params(probe.config) | {"probe": probe.name, "repeat": repeat}
            name = f"{number:03d} {probe.name}"[:22]
            run = TrialRun(number, name, params | own, run_seed, role="probe")
            spec = self.specs.make(number, probe.config, run_seed, **own)
            yield _Repeat(spec, run, probe.text, probe, repeat, key, needed)

    def _expected(self, probe: Probe) -> float:
        if self._pace is None:
            return 0.0
        return self._pace * self.reference.max_epochs * probe.cost

    def _on_epoch(self, running: _Repeat, epoch: int, logs: Logs) -> Decision:
        for name in (self.reference.monitor.name, *KEPT):
            if name in logs:
                running.curves.setdefault(name, []).append(float(logs[name]))
        # A stop ends all running trials.
        needed = any(other.needed for other in self._driver.running.values())
        if self.spent > OVERTIME * self.budget and not needed:
            self.complete = False
            return Decision.STOP
        return Decision.CONTINUE

    def _end(self, running: _Repeat, result: TrialResult) -> None:
        number, outcome = result.spec.number, result.outcome.value
        if result.outcome is Outcome.DIVERGED:
            running.curves.setdefault(self.reference.monitor.name, []).append(math.nan)
        # The tracker first: a run missing from the record is trained again, under its number.
        self.tracker.end_trial(number, outcome, running.finals(result))
        run = Run(
            running.key,
            running.probe.name,
            running.repeat,
            result.spec.seed,
            number,
            outcome,
            result.value,
            result.seconds,
            running.curves,
            result.error,
        )
        self.record.end(run)
        if result.epochs:
            # A longer probe costs more through its epochs, which are counted already.
            length = running.probe.max_epochs / self.reference.max_epochs
            pace = result.seconds / result.epochs / running.probe.cost * length
            self._pace = pace if self._pace is None else 0.8 * self._pace + 0.2 * pace
        over = " (over the budget, but needed)" if self.spent > OVERTIME * self.budget else ""
        over *= running.needed
        ended = f"{self.reference.monitor.name} {_show(result.value)}{over}"
        self._waiting.remove(running.probe)
        count = f"[{self._total - len(self._waiting)}/{self._total}]"
        self.say(f"{count} {running.probe.text}, seed {running.repeat + 1}: {ended}{self._left()}")


def _show(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4g}"
