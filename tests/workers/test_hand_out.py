"""When a pool asks for trials, and when it hears reports, with scripted workers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from objectives.training import Decision, Outcome, TrialResult, TrialSpec
from sweeps.workers import Pool, Reference
from sweeps.workers.crews import AnyCrew, Hearing
from sweeps.workers.orders import Orders
from tests.workers.scripts import Driver, Script

EPOCHS = 30


class Workers(Hearing):
    """Whoever trains ends an epoch with every look at it, and its trial after `EPOCHS` of them."""

    closed = False

    def __init__(self, orders: Orders, places: int) -> None:
        super().__init__()
        self.places = places
        self.idle = set(range(places))
        self.at: dict[int, tuple[TrialSpec, int]] = {}

    def data(self, folder: Path) -> None: ...

    def _listen(self, wait: bool) -> None:
        assert self.at or not wait, "nothing would ever come"
        for worker, (spec, epoch) in self.at.items():
            if epoch < EPOCHS:
                self.at[worker] = spec, epoch + 1
                report: tuple[Any, ...] = ("epochs", epoch + 1, [{"val_loss": 1.0}], False)
            else:
                result = TrialResult(spec, Outcome.COMPLETE, 1.0, 1, EPOCHS)
                report = "result", result, 0.0
            self._pending.append((worker, report))

    def choose(self, config: Any) -> int:
        return min(self.idle)

    def assign(self, worker: int, name: str, spec: TrialSpec, seen: int) -> None:
        self.idle.discard(worker)
        self.at[worker] = spec, seen

    def release(self, worker: int) -> None:
        del self.at[worker]
        self.idle.add(worker)
        self._pending.append((worker, ("idle",)))

    def hear(self, worker: int) -> Any: ...

    def answer(self, worker: int, epoch: int, decision: Decision) -> None: ...

    def learn(self, *about: Any) -> None: ...

    def close(self) -> None: ...


def test_between_two_proposals_every_worker_is_heard_once(tmp_path: Path) -> None:
    crew: Callable[[Orders, int], AnyCrew] = Workers
    pool = Pool(Reference(module="tests.workers.scripts"), 20, crew=crew)
    pool.data(tmp_path)
    driver = Driver(pool)
    driver.train([Script()] * 20, max_epochs=EPOCHS)
    asks = [index for index, (name, *_) in enumerate(driver.events) if name == "ask"]
    # Neither do reports wait for the proposals of all free places, nor proposals for all reports.
    for running, (first, second) in enumerate(itertools.pairwise(asks), 1):
        heard = driver.events[first + 1 : second]
        assert heard == [("epoch", number, running - number) for number in range(running)]
    assert len(asks) == sum(name == "tell" for name, *_ in driver.events) == 20
