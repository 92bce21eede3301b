"""The worker processes of a pool: started, watched and replaced. Nothing here knows of trials."""

from __future__ import annotations

import contextlib
import itertools
import math
import selectors
import socket
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from objectives import BadInput
from objectives.training import Decision
from sweeps.workers.affinity import Affinity
from sweeps.workers.crews import Hearing, Message
from sweeps.workers.fork_server import ForkServer, describe
from sweeps.workers.orders import Orders
from sweeps.workers.wire import Channel

SETTLED = 10
STARTS = 3  # failed starts in a row at one place, after which the pool gives up


@dataclass(eq=False)
class Worker:
    """One worker process.

    key: its number. place: one of the pool's fixed places. job: the number of its current job,
    which may have been abandoned. first, resident: MB of memory after its first and its latest
    trial. successor: the worker that is being started to replace it; predecessor: the one it will
    replace.
    """

    key: int
    place: int
    channel: Channel
    server: ForkServer
    ready: bool = False
    job: int | None = None
    first: float | None = None
    resident: float = 0.0
    successor: Worker | None = None
    predecessor: Worker | None = None
    structures: set[str] = field(default_factory=set)

    @property
    def grown(self) -> float:
        """MB gained since the first trial."""
        return 0.0 if self.first is None else self.resident - self.first


class Crew(Hearing):
    """Workers at a fixed number of places. `idle` holds those that wait for work."""

    def __init__(self, orders: Orders, places: int) -> None:
        super().__init__()
        self.idle: set[Worker] = set()
        self.closed = False
        self._orders = orders
        self.places = places
        self._trained = 0
        self._bound = math.inf  # MB that the workers may have grown by together
        self._folder: Path | None = None
        self._edition = 0
        self._keys = itertools.count()
        self._jobs = itertools.count()
        self._starts: dict[int, int] = defaultdict(int)
        self._affinity = Affinity()
        self._workers: set[Worker] = set()
        self._watched: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._server = self._start_server()
        for place in range(places):
            self._spawn(place)

    def data(self, folder: Path) -> None:
        """Tell all workers, including those started later, where the arrays are."""
        self._folder = folder
        self._edition += 1
        self.idle.clear()
        for worker in self._workers:
            worker.ready = False
            _send(worker, "data", folder, self._edition)

    def watch(self, end: socket.socket, ready: Callable[[], None]) -> None:
        """Call a function in `heard` whenever there is something to read from a socket."""
        self._watched = end
        self._selector.register(end, selectors.EVENT_READ, ready)

    def hear(self, worker: Worker) -> Message:
        """Wait for the next message of one worker with a job; `("died", reason)` if it died."""
        try:
            (message,) = worker.channel.receive()
        except EOFError:
            return "died", self.handle_death(worker)
        return tuple(message)

    def choose(self, config: Any) -> Worker:
        """Return an idle worker that has compiled the config's program, else one with few."""
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
        """Note that a worker's job is done: the worker, or its successor, becomes idle."""
        worker.job = None
        self._make_idle(worker)

    def learn(self, worker: Worker, config: Any, structure: str | None, resident: float) -> None:
        """Note a trained program and the memory in MB; start a successor if that is too much."""
        if structure is not None:
            self._affinity.learn(config, structure)
            worker.structures.add(structure)
        worker.resident = resident
        worker.first = resident if worker.first is None else worker.first
        self._trained += 1
        grown = sum(each.grown for each in self._workers)
        pairs = max(1.0, self.places / 2)
        if self._trained == round(2 * SETTLED * pairs):
            self._bound = grown + self._orders.growth * pairs
        if grown > self._bound and not any(each.successor for each in self._workers):
            largest = max(self._workers, key=lambda each: each.grown)
            largest.successor = self._spawn(largest.place)
            largest.successor.predecessor = largest

    def handle_death(self, worker: Worker) -> str:
        """Remove a dead worker, let its successor take over or start one; return how it died."""
        self._remove(worker)
        reason = describe(worker.server.status(worker.key))
        if worker.predecessor is not None:
            worker.predecessor.successor = None
        elif worker.successor is not None:
            worker.successor.predecessor = None
            self._make_idle(worker.successor)
        else:
            if not worker.ready:
                self._failed(worker.place, reason)
            self._spawn(worker.place)
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
        self._server.close()
        self._selector.close()

    def _listen(self, wait: bool) -> None:
        """Read what there is; failed starts and deaths of idle workers are handled here."""
        for key, _ in self._selector.select(None if wait else 0.0):
            if key.data is self._server:
                self._listen_to_server()
            elif key.data in self._workers:
                self._listen_to(key.data)
            elif key.fileobj is self._watched:
                key.data()

    def _start_server(self) -> ForkServer:
        server = ForkServer(
            self._orders.trainer, self._orders.device, self._orders.threads, self._orders.log
        )
        self._selector.register(server.control.socket, selectors.EVENT_READ, server)
        return server

    def _listen_to_server(self) -> None:
        try:
            self._server.receive()
        except EOFError:
            self._restart_server()

    def _restart_server(self) -> None:
        """Replace a dead fork server. Its workers died too; they are replaced one by one."""
        self._selector.unregister(self._server.control.socket)
        status = self._server.close()
        if self._server.trouble is not None:
            self._give_up(self._server.trouble)
        self._failed(-1, describe(status))
        self._server = self._start_server()

    def _spawn(self, place: int) -> Worker:
        key = next(self._keys)
        try:
            channel = self._server.spawn(key)
        except OSError:
            self._restart_server()
            return self._spawn(place)
        worker = Worker(key, place, channel, self._server)
        self._workers.add(worker)
        self._selector.register(channel.socket, selectors.EVENT_READ, worker)
        _send(worker, "setup", *self._orders.setup(place))
        if self._folder is not None:
            _send(worker, "data", self._folder, self._edition)
        return worker

    def _listen_to(self, worker: Worker) -> None:
        try:
            messages = worker.channel.receive(wait=False)
        except EOFError:
            had_job = worker.job is not None
            reason = self.handle_death(worker)
            if had_job:
                self._pending.append((worker, ("died", reason)))
            return
        for message in messages:
            if message[0] == "ready":
                if message[1] != self._edition:  # the data has changed since
                    continue
                self._starts.clear()
                worker.ready = True
                self._make_idle(worker)
            elif message[0] == "broken":
                self._give_up(*message[1:])
            else:
                self._pending.append((worker, message))

    def _make_idle(self, worker: Worker) -> None:
        """Make a worker without a job idle, or its successor where that is ready to replace it."""
        successor, predecessor = worker.successor, worker.predecessor
        if predecessor is not None and worker.ready and predecessor.job is None:
            worker, successor = predecessor, worker
        if successor is not None and successor.ready:
            self._remove(worker)
            with contextlib.suppress(OSError):
                worker.server.dismiss(worker.key)
            successor.predecessor = None
            worker = successor
        if worker.ready and worker.predecessor is None and worker.job is None:
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
    # If the worker is dead, `_listen_to` notices when it reads the socket to its end.
    with contextlib.suppress(OSError):
        worker.channel.send((name, *arguments))
