"""The process that talks to Ray for a driver: hosts on the cluster's machines, calls to them.

Ray ends a process whose cluster is gone, so the driver is not that process. It reads the driver's
commands, and dies with it. Run as `python -m sweeps.cluster.ray_agent FD ADDRESS GENERATION`.
"""

from __future__ import annotations

import contextlib
import math
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import ray
from ray.exceptions import ActorDiedError, GetTimeoutError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeps.cluster.code import Code
from sweeps.cluster.engine import ALL, LEASE, SILENCE, Answered, Ended, Gone, Missed, Said
from sweeps.cluster.nodes import Node, free_of, plan
from sweeps.cluster.ray_connect import cause_of, connect, line_of, refusal_of
from sweeps.cluster.ray_demand import Demand
from sweeps.cluster.ray_host import Put, RayHost
from sweeps.workers.orders import Orders
from sweeps.workers.wire import Channel

BEAT, LOOK = 5.0, 2.0  # seconds between two signs of life, and two looks at the machines
ASK = 10.0  # seconds until what an autoscaler is asked for is looked at again
START = 120.0  # seconds that a host has to start
HEAD = 10.0  # seconds without an answer, after which the head is said to be silent
UNUSABLE = 60.0  # seconds until a machine is tried again on which no host has started
LEAVE = LEASE + 10.0  # seconds until hosts have left whose driver is dead
GRACE = 6.0  # seconds to end the hosts when the driver is gone
CALLS = 16  # calls at once to one host


class Started:
    """A host that is starting, or there. heard: when it last answered."""

    def __init__(self, node: Node, places: int, actor: Any) -> None:
        self.node, self.places, self.actor = node, places, actor
        self.heard = time.monotonic()
        self.joined = False

    def answered(self, future: Any) -> None:
        """Note the end of a call."""
        if future.exception() is None:
            self.heard = time.monotonic()


class Agent:
    """Its methods without an underscore are the driver's commands."""

    def __init__(self, channel: Channel, address: str, generation: str, over: Event) -> None:
        self._channel, self._over = channel, over  # which is set when the driver wants the end
        self._generation = generation
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ends = ThreadPoolExecutor(1)  # handles what became of calls
        self._hosts: dict[str, Started] = {}
        self._puts: dict[str, Put] = {}
        self._count = 0
        self._wanted = 0
        self._asked = math.inf  # when the head was asked what it has not answered
        self._silent = False
        self._met = False  # whether any host has come
        self._unusable: dict[str, float] = {}  # until when machines are left alone
        self._told: set[str] = set()
        self._client = address.startswith("ray://")
        connect(address)
        self._host = ray.remote(RayHost)

    def start(self, orders: Orders, places: int, code: Code) -> None:
        """Start hosts with so many places together, on what there is and what comes."""
        self._orders, self._wanted, self._code = orders, places, ray.put(code)
        threading.Thread(target=self._pass_on, daemon=True).start()
        nodes = self._room()
        planned = self._plan(nodes)
        total = sum(node.total for node in nodes)
        self._send(("started", sum(places for _, places in planned), total))
        self._place(planned)
        self._demand = Demand(orders)
        for arguments in ((BEAT, self._beat), (LOOK, self._look), (ASK, self._ask)):
            threading.Thread(target=self._repeat, args=arguments, daemon=True).start()

    def call(self, key: str, name: str, *arguments: Any) -> None:
        """Carry a call to a host."""
        if (host := self._hosts.get(key)) is None:
            return

        def ended(future: Any) -> None:
            error = future.exception()
            if error is None:
                host.heard = time.monotonic()
                self._send(Answered(key, name, future.result()))
            elif isinstance(error, ActorDiedError):
                self._lose(key, line_of(error))
            else:
                self._send(Missed(key, name, line_of(error)))

        try:
            self._then(getattr(host.actor, name).remote(*arguments), ended)
        except Exception as error:
            self._send(Missed(key, name, line_of(error)))

    def put(self, name: str, folder: Path) -> None:
        """Put the files of a folder into the object store."""
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        put = {path.name: ray.put(np.fromfile(path, np.uint8)) for path in files}
        self._puts[name] = put
        for host in list(self._hosts.values()):
            host.actor.keep.remote(name, put)

    def close(self) -> None:
        """End every host, and this process."""
        self._wanted = 0
        closing = [host.actor.close.remote() for host in self._hosts.values()]
        with contextlib.suppress(Exception):
            ray.wait(closing, num_returns=len(closing), timeout=3.0)
        for host in self._hosts.values():
            with contextlib.suppress(Exception):
                ray.kill(host.actor)
        with contextlib.suppress(Exception):
            ray.shutdown()
        os._exit(0)

    def _room(self) -> list[Node]:
        """Return the machines; if all are taken, wait: hosts of a dead driver soon leave."""
        nodes, until = self._survey(), time.monotonic() + LEAVE
        if self._wanted == ALL and any(node.total for node in nodes) and not self._plan(nodes):
            self._send(Said(f"all of the cluster is taken: waiting up to {LEAVE:.0f} s for room"))
            while not (self._plan(nodes) or time.monotonic() > until or self._over.wait(1.0)):
                with contextlib.suppress(GetTimeoutError):
                    nodes = self._survey()
        return nodes

    def _survey(self) -> list[Node]:
        found: list[Node]
        if self._client:
            # Only a process in the cluster knows what is free on each of its machines.
            found = ray.get(ray.remote(num_cpus=0)(free_of).remote(self._orders), timeout=60.0)
        else:
            found = free_of(self._orders)
        return found

    def _plan(self, nodes: list[Node]) -> list[tuple[Node, int]]:
        """Return where the places go that are wanted and not there yet."""
        now = time.monotonic()
        busy = {host.node.key for host in list(self._hosts.values()) if not host.joined}
        busy |= {key for key, until in self._unusable.items() if until > now}
        return plan([node for node in nodes if node.key not in busy], self._lacking)

    def _place(self, planned: list[tuple[Node, int]]) -> None:
        for node, places in planned:
            self._start(node, places)

    def _start(self, node: Node, places: int) -> None:
        key = f"{self._generation}-{self._count}"
        self._count += 1
        gpus = places / self._orders.per_gpu if self._orders.device == "gpu" else 0
        actor = self._host.options(
            num_cpus=min(places, node.cores),
            num_gpus=int(np.ceil(gpus)),
            scheduling_strategy=NodeAffinitySchedulingStrategy(node.key, soft=False),
            max_concurrency=CALLS,
        ).remote(key, node.name, self._orders, places, self._code, self._puts)
        host = self._hosts[key] = Started(node, places, actor)

        def ended(future: Any) -> None:
            error = future.exception()
            if error is None:
                host.joined, host.heard, self._met = True, time.monotonic(), True
                for put in list(self._puts.items()):  # what has been put while it started
                    actor.keep.remote(*put)
                self._send(future.result())
            elif self._hosts.pop(key, None) is not None:
                self._cannot_use(node, cause_of(error))

        self._then(actor.joined.remote(), ended)

    def _then(self, called: Any, ended: Callable[[Any], None]) -> None:
        # Not in Ray's thread: with ray://, a call that is made there waits for itself.
        called.future().add_done_callback(lambda future: self._ends.submit(ended, future))

    def _cannot_use(self, node: Node, reason: str) -> None:
        """Leave a machine alone on which no host has started, for some time."""
        line = f"machine {node.name} cannot be used: {reason}"
        self._unusable[node.key] = time.monotonic() + UNUSABLE
        if line not in self._told:
            self._told.add(line)
            self._send(Said(line))
        if not self._met and not self._hosts:
            self._send(Ended(line))

    def _look(self) -> None:
        """Use machines that have come, and what others have freed."""
        self._asked = time.monotonic()
        if self._lacking > 0:
            self._place(self._plan(self._survey()))
        else:
            ray.nodes()
        self._asked = math.inf
        if self._silent:
            self._silent = False
            self._send(Said("the head of the Ray cluster answers again"))

    def _ask(self) -> None:
        """Ask an autoscaler for the places that lack."""
        if self._wanted != ALL:
            self._demand.bring_to(self._lacking)

    @property
    def _lacking(self) -> int:
        return self._wanted - sum(host.places for host in list(self._hosts.values()))

    def _beat(self) -> None:
        """Tell every host that the driver is there; give up those that no longer answer."""
        now = time.monotonic()
        if now - self._asked > HEAD and not self._silent:
            self._silent = True
            self._send(Said("the head of the Ray cluster does not answer: machines train on"))
        for key, host in list(self._hosts.items()):
            if now - host.heard > (SILENCE if host.joined else START):
                self._lose(key, "it does not answer")
                with contextlib.suppress(Exception):
                    ray.kill(host.actor)
            elif host.joined:
                self._then(host.actor.beat.remote(), host.answered)

    def _lose(self, key: str, reason: str) -> None:
        if self._hosts.pop(key, None) is not None:
            self._send(Gone(key, reason))

    def _repeat(self, every: float, what: Callable[[], None]) -> None:
        worked = time.monotonic()
        while True:
            time.sleep(every)
            try:
                what()
                worked = time.monotonic()
            except Exception as error:  # a cluster that is away: the next look may find it
                print(f"{what.__name__}: {line_of(error)}", file=sys.stderr, flush=True)
                if not ray.is_initialized() or time.monotonic() - worked > SILENCE:
                    os._exit(1)  # the driver starts another agent, which connects anew

    def _send(self, event: Any) -> None:
        # Not here: this may be a thread of Ray's, which a driver that is busy must not hold up.
        self._events.put(event)

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError):  # the driver is gone
            while True:
                self._channel.send(self._events.get())


def _read(channel: Channel, commands: queue.SimpleQueue[Any], over: Event) -> None:
    """Read the driver's commands, also while Ray connects; end this process with the driver."""
    try:
        while True:
            for command in channel.receive():
                commands.put(command)
                if command[0] == "close":
                    over.set()
    except EOFError:
        over.set()
        commands.put(("close",))
        time.sleep(GRACE)
        os._exit(1)  # it is stuck in a call of Ray's


def main(fd: str, address: str, generation: str) -> None:
    """Do what the driver commands, until it is gone."""
    channel = Channel(socket.socket(fileno=int(fd)))
    commands: queue.SimpleQueue[Any] = queue.SimpleQueue()
    over = Event()
    threading.Thread(target=_read, args=(channel, commands, over), daemon=True).start()
    try:
        agent = Agent(channel, address, generation, over)
        name, *arguments = commands.get()  # start
        getattr(agent, name)(*arguments)
    except Exception as error:
        channel.send(("refused", refusal_of(error)))
        raise
    while True:
        name, *arguments = commands.get()
        getattr(agent, name)(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
