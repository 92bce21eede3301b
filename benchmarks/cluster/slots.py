"""Slots that train nothing, as the workers of a real pool, and what is measured of them."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster import floor, logs_of
from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
)
from sweeps.workers import Pool, Reference
from sweeps.workers.crews import Hearing
from sweeps.workers.orders import Orders


@dataclass
class Seen:
    """What was measured inside of the window: seconds, and processor seconds of the driver."""

    epochs: int = 0
    trials: int = 0
    delays: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # of free slots
    asking: float = 0.0
    reporting: float = 0.0
    ending: float = 0.0


@dataclass(order=True)
class _Job:
    due: float
    slot: int
    spec: TrialSpec = field(compare=False)
    low: float = field(compare=False)
    best: Best = field(compare=False)
    epoch: int = field(compare=False, default=0)

    def result(self, outcome: Outcome, pace: float) -> TrialResult:
        best, epoch = self.best, self.epoch
        return TrialResult(self.spec, outcome, best.value, best.epoch, epoch, pace * epoch)


class Slots(Hearing):
    """A crew of slots, each of which reports an epoch every `pace` seconds.

    They stream: an epoch comes when it is due, whatever the driver does, and only a rung's is
    waited for.

    begun: epochs that trials of the study have already had, by number. look: called whenever the
    driver looks for messages.
    """

    closed = False

    def __init__(
        self, places: int, pace: float, begun: dict[int, int], look: Callable[[], None]
    ) -> None:
        super().__init__()
        now = time.monotonic()
        self.places, self.pace = places, pace
        self.idle = dict.fromkeys(range(places), now)  # since when
        self.waited: list[float] = []
        self.due: dict[int, list[float]] = defaultdict(list)  # when a trial's reports came
        self._begun, self._look = begun, look
        self._at: dict[int, _Job] = {}
        self._queue: list[_Job] = []
        self._spread = np.random.default_rng(0)

    def data(self, folder: Path) -> None:
        """Need none."""

    def _listen(self, wait: bool) -> None:
        self._look()
        now = time.monotonic()
        if wait and self._queue and self._queue[0].due > now:
            time.sleep(min(self._queue[0].due - now, 0.5))
            now = time.monotonic()
        while self._queue and self._queue[0].due <= now:
            job = heapq.heappop(self._queue)
            if self._at.get(job.slot) is job:
                self._report(job)

    def _report(self, job: _Job) -> None:
        job.epoch += 1
        logs = logs_of(job.low, job.spec.seed, job.epoch)
        job.best.update(job.epoch, logs)
        self.due[job.spec.number].append(job.due)
        self._pending.append(
            (job.slot, ("epochs", job.epoch, [logs], job.epoch in job.spec.rungs))
        )
        if job.epoch == job.spec.max_epochs:
            self._end(job, Outcome.COMPLETE)
        elif job.epoch not in job.spec.rungs:
            self._later(job, job.due + self.pace)

    def _later(self, job: _Job, due: float) -> None:
        job.due = due
        heapq.heappush(self._queue, job)

    def _end(self, job: _Job, outcome: Outcome) -> None:
        del self._at[job.slot]
        self._pending.append((job.slot, ("result", job.result(outcome, self.pace), 0.0)))

    def choose(self, config: Any) -> int:
        """Return the slot that has waited longest."""
        return next(iter(self.idle))

    def assign(self, slot: int, name: str, spec: TrialSpec, seen: int) -> None:
        """Begin a trial, or go on with one."""
        now = time.monotonic()
        self.waited.append(now - self.idle.pop(slot))
        epoch = self._begun.get(spec.number, 0)
        job = _Job(now, slot, spec, floor(spec.config), Best(spec.monitor), epoch)
        self._at[slot] = job
        self._later(job, now + (self._spread.random() if epoch else 1.0) * self.pace)

    def answer(self, slot: int, epoch: int, decision: Decision) -> None:
        """Go on after a rung, or end a trial."""
        if (job := self._at.get(slot)) is None:
            return
        if decision is Decision.CONTINUE:
            self._later(job, max(time.monotonic(), job.due) + self.pace)
        else:
            stopped = decision is Decision.STOP
            self._end(job, Outcome.INTERRUPTED if stopped else Outcome.PRUNED)

    def release(self, slot: int) -> None:
        """Let a slot wait."""
        self.idle[slot] = time.monotonic()
        self._pending.append((slot, ("idle",)))

    def hear(self, slot: int) -> Any:
        """Score nothing."""
        raise AssertionError("a slot scores nothing")

    def learn(self, *about: Any) -> None:
        """Compile nothing."""

    def close(self) -> None:
        """Hold nothing."""


class Measured:
    """A pool of slots as a trainer that measures what is done with it.

    warm, seconds: what is left out once all slots have had a trial, and what is then measured.
    edge: called at both ends of that, and in the middle.
    """

    def __init__(
        self,
        places: int,
        pace: float,
        begun: dict[int, int],
        warm: float,
        seconds: float,
        edge: Callable[[], None],
    ) -> None:
        self.places, self.seen, self.empty = places, Seen(), 0
        self._edge, self._times = edge, [0.0, warm, warm + seconds / 2.0, warm + seconds]
        self._start: float | None = None

        def crew(orders: Orders, places: int) -> Slots:
            self.slots = Slots(places, pace, begun, self._look)
            return self.slots

        self._pool = Pool(Reference(module="benchmarks.cluster"), places, crew=crew)
        self._pool.data(Path())

    @property
    def over(self) -> bool:
        """Whether the window is over."""
        return not self._times

    def _look(self) -> None:
        now = time.monotonic()
        if self._start is None and len(self.slots.waited) >= self.places:
            self._start = now
        while self._start is not None and self._times and now >= self._start + self._times[0]:
            del self._times[0]
            if len(self._times) == 3:  # all slots have had a trial
                continue
            if len(self._times) == 2:
                self.seen, self.slots.waited = Seen(), []
            self._edge()
            if self.over:
                self.seen.waits, self.empty = self.slots.waited, len(self.slots.idle)

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Iterator[TrialResult]:
        """Run until the window is over."""

        def asked() -> Iterator[TrialSpec]:
            while True:
                began = time.thread_time()
                spec = next(specs, None)
                self.seen.asking += 0.0 if self.over else time.thread_time() - began
                if spec is None:
                    return
                yield spec

        def told(spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
            began, due = time.thread_time(), self.slots.due[spec.number].pop(0)
            decision = on_epoch(spec, epoch, logs)
            if not self.over:
                self.seen.reporting += time.thread_time() - began
                self.seen.delays.append(time.monotonic() - due)
                self.seen.epochs += 1
            return decision

        for result in self._pool.train(asked(), told):
            began = time.thread_time()
            yield result
            if not self.over:
                self.seen.ending += time.thread_time() - began
                self.seen.trials += 1

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Score nothing."""
        return {}

    def close(self) -> None:
        """Hold nothing."""
        self._pool.close()
