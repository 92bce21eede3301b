"""A machine of a fleet: today's crew of workers, and two calls that may be repeated.

`tell` brings messages of the driver, `take` waits for messages to it; both are numbered. The crew
lives in a thread of its own, which the calls wake.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from objectives import BadInput
from objectives.training import Decision
from sweeps.cluster.engine import LEASE, Joined
from sweeps.cluster.numbering import Inbox, Message, Outbox
from sweeps.cluster.parcel import Contents, Files, Job, Sealed
from sweeps.cluster.scratch import Scratch
from sweeps.workers.crew import Crew, Worker
from sweeps.workers.orders import Orders
from sweeps.workers.versions import versions

PATIENCE = 5.0  # seconds that `take` waits for a message
LOOK = 1.0  # seconds between two looks at a job's checkpoint
GATHER = 0.4  # seconds between two answers where no worker waits: each costs more than an epoch
LOG = 1 << 16  # bytes of the log that one call takes


class Host:
    """The workers of one machine.

    Args:
        orders: As the driver gave them, but for `log`.
        places: How many workers there are.
        fetch: Writes what the driver has `put` into a folder, by its name.
        name: Of the machine.
        scratch: The host's folder on the local disk.
        deserted: Called once the driver has been silent for `lease` seconds.
        lease: Seconds.
    """

    def __init__(
        self,
        orders: Orders,
        places: int,
        fetch: Callable[[str, Path], None],
        *,
        name: str = "",
        scratch: Scratch | None = None,
        deserted: Callable[[], None] = lambda: None,
        lease: float = LEASE,
    ) -> None:
        self._scratch = scratch or Scratch()
        self.root = self._scratch.folder
        self.name = name or socket.gethostname()
        self.places = places
        self._log = self.root / "sweep.log"
        self._logged = 0
        self._orders = dataclasses.replace(orders, log=self._log)
        self._fetch = fetch
        self._deserted = deserted
        self._lease = lease
        self._inbox, self._outbox = Inbox(), Outbox()
        self._told: deque[Message] = deque()
        self._urgent = False  # whether a message is there that may not wait for others
        self._gathers = False  # whether `take` has messages, and waits for more
        self._answered = 0.0  # when it last had some
        self._said = threading.Condition()
        self._heard_of = time.monotonic()
        self._looked = 0.0
        self._closed = False
        self._waiting: deque[Job] = deque()
        self._jobs: dict[int, Job] = {}
        self._at: dict[Worker, Job] = {}
        self._edition = 0
        self._up: set[int] = set()  # places whose worker has had the data
        self._waker, self._woken = socket.socketpair()
        self._crew: Crew | None = None
        self._threads = [
            threading.Thread(target=target, name=f"host {target.__name__}", daemon=True)
            for target in (self._work, self._watch)
        ]
        for thread in self._threads:
            thread.start()

    def joined(self, key: str) -> Joined:
        """Return what the driver is told of this host."""
        return Joined(key, self.name, self.places, str(self.root), versions())

    def tell(self, first: int, messages: Sequence[Message]) -> int:
        """Take messages, the first of them with this number; return the number of the last."""
        with self._said:
            self.beat()
            self._told.extend(self._inbox.new(first, messages))
            last = self._inbox.last
        self._wake()
        return last

    def take(self, after: int, patience: float = PATIENCE) -> tuple[int, list[Message]]:
        """Wait for messages with numbers above `after`; return the first number, and all."""
        until = time.monotonic() + patience
        self._wake()  # to look for checkpoints
        with self._said:
            self.beat()
            while True:
                self._tail()
                first, messages = self._outbox.after(after)
                now, due = time.monotonic(), until
                if messages:
                    due = now if self._urgent else min(until, self._answered + GATHER)
                if self._closed or now >= due:
                    break
                self._gathers = bool(messages)
                self._said.wait(due - now)
            self._gathers = False
            if messages:
                self._urgent, self._answered = False, now
            return first, messages

    def beat(self) -> None:
        """Note that the driver is there."""
        self._heard_of = time.monotonic()

    def close(self) -> None:
        """End the workers, and remove what is on disk. Safe to call again."""
        with self._said:
            self._closed = True
            self._said.notify_all()
        self._wake()
        if threading.current_thread() not in self._threads:
            for thread in self._threads:
                thread.join()
        self._scratch.close()

    def _watch(self) -> None:
        """Leave where the driver is gone: it is dead, or no network leads to it."""
        while not self._closed:
            with self._said:
                self._said.wait(min(1.0, self._lease / 4))
            if not self._closed and time.monotonic() - self._heard_of > self._lease:
                self.close()
                self._deserted()

    def _work(self) -> None:
        try:
            self._crew = crew = Crew(self._orders, self.places)
            crew.watch(self._woken, self._listen)
            while True:
                for worker, message in crew.heard():
                    self._take(worker, message)
        except _Closed:
            pass
        except BadInput as error:
            self._say(("broken", BadInput.__name__, str(error)))
        except Exception as error:
            self._say(("broken", "", str(error)))
        finally:
            if self._crew is not None:
                self._crew.close()
            self._woken.close()
            self._waker.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"w", socket.MSG_DONTWAIT)

    def _say(self, *messages: Message, urgent: bool = True) -> None:
        with self._said:
            self._urgent |= urgent
            self._tail()  # before what it explains
            for message in messages:
                self._outbox.put(message)
            if urgent or not self._gathers:
                self._said.notify_all()

    def _tail(self) -> None:
        """Pass on what the workers have written to the log."""
        try:
            size = self._log.stat().st_size
        except OSError:
            return
        while self._logged < size:
            with self._log.open("rb") as file:
                file.seek(self._logged)
                text = file.read(LOG)
            self._logged += len(text)
            self._outbox.put(("log", text))

    def _listen(self) -> None:
        """Handle what the driver has told, in the crew's thread."""
        self._woken.recv(1 << 12)
        if self._closed:
            raise _Closed
        while self._told:
            name, *told = self._told.popleft()
            getattr(self, f"_{name}")(*told)
        if time.monotonic() - self._looked >= LOOK:
            self._looked = time.monotonic()
            for job in self._at.values():
                self._say(*_files(job, unfinished=True), urgent=False)

    def _data(self, name: str, edition: int) -> None:
        folder = self.root / name
        if not folder.exists():
            self._fetch(name, folder)
        self._edition = edition
        self._up.clear()
        if self._crew is not None:
            self._crew.data(folder)

    def _job(
        self,
        number: int,
        name: str,
        structure: Mapping[str, str],
        arguments: Sequence[bytes],
        folders: list[str],
        files: Files,
    ) -> None:
        contents = Contents(self.root / f"job-{number}", folders, files)
        self._jobs[number] = job = Job(number, name, structure, arguments, contents)
        self._waiting.append(job)
        self._hand_out()

    def _answer(self, number: int, epoch: int, decision: Decision) -> None:
        job = self._jobs.get(number)
        if job is None:
            return
        for worker, at in self._at.items():
            if at is job and self._crew is not None:
                self._crew.answer(worker, epoch, decision)
                return
        job.answers.append((epoch, decision))

    def _hand_out(self) -> None:
        crew = self._crew
        while crew is not None and crew.idle and self._waiting:
            job = self._waiting.popleft()
            worker = crew.choose(job.structure)
            self._at[worker] = job
            crew.assign(worker, job.name, *map(Sealed, job.arguments))
            for epoch, decision in job.answers:
                crew.answer(worker, epoch, decision)

    def _take(self, worker: Worker, message: Message) -> None:
        """Handle a worker's message."""
        crew, (name, *told) = self._crew, message
        if crew is None:
            return
        if name == "idle":
            if worker in crew.idle and worker.place not in self._up:
                self._up.add(worker.place)
                self._say(("ready", self._edition, len(self._up)))
            self._hand_out()
            return
        job = self._at.get(worker)
        if job is None:
            return
        if name == "epochs":
            self._say((name, job.number, *told), urgent=told[-1])
            return
        files = _files(job)
        self._end(worker, job, name, *told)
        self._say(*files, (name, job.number, *told))

    def _end(self, worker: Worker, job: Job, name: str, *told: Any) -> None:
        """Remove a job, and make its worker idle."""
        del self._at[worker], self._jobs[job.number]
        shutil.rmtree(self.root / f"job-{job.number}", ignore_errors=True)
        if name == "died" or self._crew is None:
            return
        self._crew.release(worker)
        if name == "result":
            result, resident = told
            structure = None if isinstance(result, str) else result.extra.get("structure")
            self._crew.learn(worker, job.structure, structure, resident)


def _files(job: Job, *, unfinished: bool = False) -> list[Message]:
    """Return the message with what a job has written, if it has."""
    files = job.contents.changed(unfinished=unfinished)
    return [("files", job.number, files)] if files else []


class _Closed(Exception):
    """The host is closed."""
