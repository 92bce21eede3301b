"""A crew whose workers are elsewhere: what a pool asks of `Crew`, over the machines of an engine.

Every machine runs a `Host` with a crew inside. What is sent there, and what comes back, is
numbered; each message about a job carries the job's number, so that a late word about a job that
was given up is ignored.
"""

from __future__ import annotations

import itertools
import logging
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from objectives import BadInput
from objectives.training import Decision
from sweeps.cluster.engine import ALL, Answered, Ended, Engine, Event, Gone, Joined, Missed, Said
from sweeps.cluster.machine import Machine, Slot, other_versions
from sweeps.cluster.parcel import Parcel
from sweeps.workers.affinity import Affinity, leaves
from sweeps.workers.crews import Hearing, Message
from sweeps.workers.orders import Orders
from sweeps.workers.versions import versions

LOG = logging.getLogger("sweeps")
AGAIN = 0.5  # seconds until a call without an answer is repeated
TICK = 1.0  # seconds between two looks at the clock
PATIENCE = 600.0  # seconds that a sweep waits for a machine where none is left


class Fleet(Hearing):
    """Workers on many machines. `idle` holds the slots that wait for work.

    Args:
        engine: Of the cluster.
        orders: For all workers.
        places: How many workers there are at most.
        say: Takes a line that the user should see.
        over: Whether the sweep's time is up.

    Raises:
        BadInput: The cluster cannot be reached, or has no room.
    """

    def __init__(
        self,
        engine: Engine,
        orders: Orders,
        places: int,
        *,
        say: Callable[[str], object] = print,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__()
        self.idle: set[Slot] = set()
        self.closed = False
        self._engine = engine
        self._log = orders.log
        self._say, self._over = say, over
        self._machines: dict[str, Machine] = {}
        self._jobs = itertools.count(1)
        self._numbers = itertools.count()
        self._affinity = Affinity()
        self._told_apart = {""}  # lines about versions
        self._data: tuple[str, int] | None = None
        self._empty_since = time.monotonic()
        self._versions = versions()
        self._joined = 0  # places of all hosts that have come so far
        self._planned = engine.start(orders, places)
        if not self._planned:
            say(f"no machine has room for a worker: waiting up to {PATIENCE:.0f} s for one")
        elif self._planned < places != ALL:
            say(f"{self._planned} of {places} workers start now, others once there is room")

    @property
    def places(self) -> int:
        """How many jobs may be under way at once: on the machines that are there, or starting."""
        return max(sum(one.places for one in self._machines.values()), self._planned, 1)

    def data(self, folder: Path) -> None:
        """Tell all machines, including those that come later, where the arrays are."""
        edition = 0 if self._data is None else self._data[1] + 1
        self._data = self._engine.put(folder), edition
        for machine in self._machines.values():
            machine.expect(*self._data)
            self.idle -= machine.dropped()
            self._tell(machine)

    def hear(self, slot: Slot) -> Message:
        """Wait for the next message of one worker with a job."""
        while True:
            for found in self._pending:
                if found[0] is slot and found[1][0] != "idle":
                    self._pending.remove(found)
                    return found[1]
            self._listen()

    def choose(self, config: Any) -> Slot:
        """Return an idle slot where the config's program is compiled, else where few are."""
        wanted = self._affinity.guess(config) if len(self.idle) > 1 else None
        return min(
            self.idle,
            key=lambda slot: (
                wanted not in slot.machine.structures,
                len(slot.machine.structures) / slot.machine.places,
                slot.machine.number,
                slot.number,
            ),
        )

    def assign(self, slot: Slot, name: str, *arguments: Any) -> None:
        """Give an idle slot a job. Raises BadInput where it cannot be sent."""
        machine, job = slot.machine, next(self._jobs)
        parcel = Parcel(Path(machine.root) / f"job-{job}")
        given = getattr(parcel, name)(*arguments)
        try:
            sealed = [pickle.dumps(one, protocol=5) for one in given]
            structure = {key: repr(value) for key, value in leaves(parcel.config)}
        except Exception as error:
            raise BadInput(f"a config must be plain data for workers to get it: {error}") from None
        self.idle.discard(slot)
        slot.job, machine.jobs[job] = job, (slot, parcel)
        files, parcel.files = parcel.files, {}
        machine.outbox.put(("job", job, name, structure, sealed, parcel.folders, files))
        self._tell(machine)

    def answer(self, slot: Slot, epoch: int, decision: Decision) -> None:
        """Send a decision on a slot's job, up to an epoch."""
        if slot.machine.key in self._machines and slot.job is not None:
            slot.machine.outbox.put(("answer", slot.job, epoch, decision))
            self._tell(slot.machine)

    def release(self, slot: Slot) -> None:
        """Note that a slot's job is done: it becomes idle, where its machine is still there."""
        slot.job = None
        machine = slot.machine
        if machine.key not in self._machines:
            return
        if len(machine.slots) > machine.ready:
            machine.slots.discard(slot)
        else:
            self._make_idle(slot)

    def learn(self, slot: Slot, config: Any, structure: str | None, resident: float) -> None:
        """Note where a program is compiled; the machine's own crew looks after its memory."""
        if structure is not None:
            self._affinity.learn(config, structure)
            slot.machine.structures.add(structure)

    def close(self) -> None:
        """End every host. Safe to call again."""
        if not self.closed:
            self.closed = True
            self.idle.clear()
            self._machines.clear()
            self._engine.close()

    def _listen(self, wait: bool = True) -> None:
        for event in self._engine.wait(TICK if wait else 0.0):
            self._take(event)
        now = time.monotonic()
        for machine in self._machines.values():
            for call in machine.due(now):
                self._call(machine, call)
        if self._machines:
            self._empty_since = now
        elif not self._joined and self._over():  # later on, the loop looks at the time
            self._give_up("the time limit is reached, and no machine has come")
        elif now - self._empty_since > PATIENCE:
            self._give_up(f"no machine of the cluster is there for {PATIENCE:.0f} s")

    def _take(self, event: Event) -> None:
        match event:
            case Joined():
                self._join(event)
            case Answered(host, call, value):
                if (machine := self._machines.get(host)) is not None:
                    machine.calls.discard(call)
                    self._answered(machine, call, value)
            case Missed(host, call, reason):
                LOG.info("%s to host %s is repeated: %s", call, host, reason)
                if (machine := self._machines.get(host)) is not None:
                    machine.again[call] = time.monotonic() + AGAIN
            case Gone(host, reason):
                if (machine := self._machines.get(host)) is not None:
                    self._lose(machine, reason)
            case Said(line):
                self._say(line)
            case Ended(reason):
                self._give_up(reason)

    def _join(self, joined: Joined) -> None:
        self._joined += joined.places
        machine = Machine(joined, next(self._numbers))
        self._machines[machine.key] = machine
        if (line := other_versions(joined, self._versions)) not in self._told_apart:
            self._told_apart.add(line)
            self._say(line)
        if self._data is not None:
            machine.expect(*self._data)
            self._tell(machine)
        self._call(machine, "take")

    def _answered(self, machine: Machine, call: str, value: Any) -> None:
        if call == "tell":
            machine.outbox.after(value)
            self._tell(machine)
            return
        first, messages = value
        for message in machine.inbox.new(first, messages):
            self._hear(machine, *message)
        if machine.key in self._machines:
            self._call(machine, "take")

    def _hear(self, machine: Machine, name: str, *told: Any) -> None:
        """Handle a message of a host."""
        if name == "log":
            with self._log.open("ab") as file:
                file.write(*told)
        elif name == "broken":
            self._break(machine, *told)
        elif name == "ready":
            edition, count = told
            if self._data is not None and edition == self._data[1]:
                for slot in machine.grown(count):
                    self._make_idle(slot)
        else:
            self._hear_of_job(machine, name, *told)

    def _hear_of_job(self, machine: Machine, name: str, job: int, *told: Any) -> None:
        slot, parcel = machine.jobs.get(job, (None, None))
        if slot is None or parcel is None:
            return
        if name == "files":
            try:
                parcel.write(*told)
            except OSError as error:  # a full disk: the trial goes on, as it would there
                self._say(f"what trials have written cannot be kept: {error}")
            return
        self._pending.append((slot, (name, *told)))
        if name == "epochs":
            return
        del machine.jobs[job]
        if name == "died":  # its successor takes over
            machine.slots.discard(slot)
            for new in machine.grown(machine.ready):
                self._make_idle(new)

    def _break(self, machine: Machine, kind: str, text: str) -> None:
        """Let a machine go whose workers cannot start."""
        if kind == BadInput.__name__:
            self.close()
            raise BadInput(text)
        text = text.partition(" (more in ")[0]
        if "No module named" in text:
            text += "; what a sweep imports has to be installed on every machine"
        if len(self._machines) == 1 and self._joined >= self._planned:
            self._give_up(text.removeprefix("workers cannot start: "), "workers cannot start")
        self._lose(machine, text, "is left out")

    def _lose(self, machine: Machine, reason: str, how: str = "is gone") -> None:
        """Let a machine go. Its trials are not to blame: they are trained elsewhere."""
        del self._machines[machine.key]
        self._planned = 0
        self.idle -= machine.slots
        reason = f"machine {machine.name} {how}: {reason}"
        jobs = [slot for slot, _ in machine.jobs.values()]
        again = f"; {len(jobs)} of its trials run again elsewhere" if jobs else ""
        self._say(f"{reason}{again}")
        self._pending.extend((slot, ("lost", reason)) for slot in jobs)
        if not self._machines:
            self._empty_since = time.monotonic()
            self._say("no machine is left: waiting for one")

    def _make_idle(self, slot: Slot) -> None:
        self.idle.add(slot)
        self._pending.append((slot, ("idle",)))

    def _tell(self, machine: Machine) -> None:
        if "tell" not in machine.calls and machine.outbox:
            self._call(machine, "tell")

    def _call(self, machine: Machine, call: str) -> None:
        machine.calls.add(call)
        if call == "tell":
            self._engine.call(machine.key, call, *machine.outbox.after(0))
        else:
            self._engine.call(machine.key, call, machine.inbox.last)

    def _give_up(self, reason: str, what: str = "the cluster cannot be used") -> NoReturn:
        self.close()
        raise RuntimeError(f"{what}: {reason} (more in {self._log})")
