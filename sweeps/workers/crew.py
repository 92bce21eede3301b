"""The worker processes of a pool: started, watched, replaced; nothing here knows of trials."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import selectors
from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from objectives import BadInput
from objectives.training import Decision
from sweeps.workers.affinity import Affinity
from sweeps.workers.nursery import Nursery, describe
from sweeps.workers.reference import Reference
from sweeps.workers.wire import Channel

# XLA frees no program. What a crew has grown by after its first trials, 20 or 10 a worker, is what
# its structures take; beyond that it may gain this much in MB, for every two workers.
GROWTH = 150.0
SETTLED = 10
STARTS = 3  # of one place in a row; then something is wrong with every one
Message = tuple[Any, ...]


@dataclass(eq=False)
class Worker:
    """job: the number of what it works on, even where nobody waits for that any more.

    first, resident: MB after the first and the last trial. heir: the successor on its way.
    """

    key: int
    place: int
    channel: Channel
    nursery: Nursery
    ready: bool = False
    job: int | None = None
    first: float | None = None
    resident: float = 0.0
    heir: Worker | None = None
    elder: Worker | None = None
    structures: set[str] = field(default_factory=set)

    @property
    def grown(self) -> float:
        """MB gained since the first trial."""
        return 0.0 if self.first is None else self.resident - self.first


@dataclass(frozen=True)
class Orders:
    """What every worker of a crew is told. growth: MB, see GROWTH."""

    reference: Reference
    trainer: str
    device: str
    threads: int
    log: Path
    growth: float = GROWTH

    def setup(self, place: int) -> tuple[Reference, str, dict[str, str]]:
        """Return what the worker at a place is told first: on GPUs, also which one is its own."""
        own = {}
        if self.device == "gpu":
            chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
            gpus = chosen.split(",") if chosen else [str(n) for n in range(place + 1)]
            own["CUDA_VISIBLE_DEVICES"] = gpus[place] if place < len(gpus) else "-1"
        return self.reference, self.trainer, own


class Crew:
    """Workers at a fixed number of places. `idle` holds those that wait for work."""

    def __init__(self, orders: Orders, places: int) -> None:
        self.idle: set[Worker] = set()
        self.closed = False
        self._orders = orders
        self._places = places
        self._trained = 0
        self._bound = math.inf  # MB that the workers may have grown by together
        self._folder: Path | None = None
        self._edition = 0
        self._keys = itertools.count()
        self._jobs = itertools.count()
        self._starts: dict[int, int] = defaultdict(int)
        self._affinity = Affinity()
        self._workers: set[Worker] = set()
        self._pending: deque[tuple[Worker, Message]] = deque()
        self._selector = selectors.DefaultSelector()
        self._nursery = self._found()
        for place in range(places):
            self._hatch(place)

    def data(self, folder: Path) -> None:
        """Tell every worker, now and later, where the arrays are."""
        self._folder = folder
        self._edition += 1
        self.idle.clear()
        for worker in self._workers:
            worker.ready = False
            _send(worker, "data", folder, self._edition)

    def event(self) -> tuple[Worker, Message]:
        """Wait for what a worker has to say; `("died", reason)` where it had a job.

        Failed starts and the deaths of idle workers are seen to here. Closes the crew and raises
        BadInput or RuntimeError where no worker can start.
        """
        while not self._pending:
            for key, _ in self._selector.select():
                if key.data is self._nursery:
                    self._hear()
                elif key.data in self._workers:
                    self._listen(key.data)
        return self._pending.popleft()

    def choose(self, config: Any) -> Worker:
        """Return an idle worker that has the config's program, else the least laden."""
        wanted = self._affinity.guess(config) if len(self.idle) > 1 else None
        return min(
            self.idle, key=lambda w: (wanted not in w.structures, len(w.structures), w.place)
        )

    def assign(self, worker: Worker, name: str, *arguments: Any) -> None:
        """Give an idle worker a job. Raises BadInput where it cannot be sent."""
        job = next(self._jobs)
        try:
            _send(worker, name, job, *arguments)
        except Exception as error:
            raise BadInput(f"a config must be plain data for workers to get it: {error}") from None
        self.idle.discard(worker)
        worker.job = job

    def answer(self, worker: Worker, epoch: int, decision: Decision) -> None:
        """Send a decision on a worker's job, up to an epoch."""
        _send(worker, "answer", worker.job, epoch, decision)

    def release(self, worker: Worker) -> None:
        """Take a worker whose job is done: it is idle, or its successor is."""
        worker.job = None
        self._rest(worker)

    def learn(self, worker: Worker, config: Any, structure: str | None, resident: float) -> None:
        """Note a trained program and the memory in MB; start a successor where it is too much."""
        if structure is not None:
            self._affinity.learn(config, structure)
            worker.structures.add(structure)
        worker.resident = resident
        worker.first = resident if worker.first is None else worker.first
        self._trained += 1
        grown = sum(each.grown for each in self._workers)
        pairs = max(1.0, self._places / 2)
        if self._trained == round(2 * SETTLED * pairs):
            self._bound = grown + self._orders.growth * pairs
        if grown > self._bound and not any(each.heir for each in self._workers):
            largest = max(self._workers, key=lambda each: each.grown)
            largest.heir = self._hatch(largest.place)
            largest.heir.elder = largest

    def bury(self, worker: Worker) -> str:
        """See to a dead worker and its successor; return how it died."""
        self._remove(worker)
        reason = describe(worker.nursery.status(worker.key))
        if worker.elder is not None:
            worker.elder.heir = None
        elif worker.heir is not None:
            worker.heir.elder = None
            self._rest(worker.heir)
        else:
            if not worker.ready:
                self._failed(worker.place, reason)
            self._hatch(worker.place)
        return reason

    def close(self) -> None:
        """End every process. Safe to call again."""
        if self.closed:
            return
        self.closed = True
        for worker in self._workers:
            worker.channel.close()
        self._workers.clear()
        self.idle.clear()
        self._nursery.close()
        self._selector.close()

    def _found(self) -> Nursery:
        nursery = Nursery(
            self._orders.trainer, self._orders.device, self._orders.threads, self._orders.log
        )
        self._selector.register(nursery.control.socket, selectors.EVENT_READ, nursery)
        return nursery

    def _hear(self) -> None:
        try:
            self._nursery.receive()
        except EOFError:
            self._refound()

    def _refound(self) -> None:
        """Replace a nursery that died. Its workers die with it, which each place sees to."""
        self._selector.unregister(self._nursery.control.socket)
        status = self._nursery.close()
        if self._nursery.trouble is not None:
            self._give_up(self._nursery.trouble)
        self._failed(-1, describe(status))
        self._nursery = self._found()

    def _hatch(self, place: int) -> Worker:
        key = next(self._keys)
        try:
            channel = self._nursery.hatch(key)
        except OSError:
            self._refound()
            return self._hatch(place)
        worker = Worker(key, place, channel, self._nursery)
        self._workers.add(worker)
        self._selector.register(channel.socket, selectors.EVENT_READ, worker)
        _send(worker, "setup", *self._orders.setup(place))
        if self._folder is not None:
            _send(worker, "data", self._folder, self._edition)
        return worker

    def _listen(self, worker: Worker) -> None:
        try:
            messages = worker.channel.receive(wait=False)
        except EOFError:
            had_job = worker.job is not None
            reason = self.bury(worker)
            if had_job:
                self._pending.append((worker, ("died", reason)))
            return
        for message in messages:
            if message[0] == "ready":
                if message[1] != self._edition:  # it was told of other data since
                    continue
                self._starts.clear()
                worker.ready = True
                self._rest(worker)
            elif message[0] == "broken":
                self._give_up(*message[1:])
            else:
                self._pending.append((worker, message))

    def _rest(self, worker: Worker) -> None:
        """Make a worker without a job idle, once it is ready and its turn has come."""
        heir, elder = worker.heir, worker.elder
        if elder is not None and worker.ready and elder.job is None:
            worker, heir = elder, worker
        if heir is not None and heir.ready:
            self._remove(worker)
            with contextlib.suppress(OSError):
                worker.nursery.dismiss(worker.key)
            heir.elder = None
            worker = heir
        if worker.ready and worker.elder is None and worker.job is None:
            self.idle.add(worker)
            self._pending.append((worker, ("idle",)))

    def _remove(self, worker: Worker) -> None:
        self._selector.unregister(worker.channel.socket)
        worker.channel.close()
        self._workers.discard(worker)
        self.idle.discard(worker)

    def _failed(self, place: int, reason: str) -> None:
        self._starts[place] += 1
        if self._starts[place] >= STARTS:
            self._give_up(f"{reason}, {STARTS} times in a row")

    def _give_up(self, trouble: str, kind: str = "") -> NoReturn:
        self.close()
        if kind == BadInput.__name__:
            raise BadInput(trouble) from None
        log = self._orders.log
        raise RuntimeError(f"workers cannot start: {trouble} (more in {log})") from None


def _send(worker: Worker, name: str, *arguments: Any) -> None:
    # The socket of a worker that died is read to its end later: that is where its death counts.
    with contextlib.suppress(OSError):
        worker.channel.send((name, *arguments))
