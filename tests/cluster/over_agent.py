"""Ray's agent over machines in this process, whose network may be slow or cut, and a clock."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from sweeps.cluster import host, ray_agent, ray_connect
from sweeps.cluster.engine import Joined
from sweeps.cluster.host import Host
from sweeps.cluster.nodes import Node
from sweeps.cluster.ray_agent import Agent
from sweeps.workers.orders import Orders
from tests.cluster.in_process import InProcess
from tests.workers.test_deaths import wait_for

RAYS_OWN = "Ray's own thread"


@dataclass
class Clock:
    """What the agent and the hosts take for the time, in seconds."""

    ahead: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Network:
    """To one machine. up: calls and answers wait for it. slow: seconds that each takes at most."""

    slow: float = 0.0
    up: threading.Event = field(default_factory=threading.Event)
    carried: int = 0

    def __post_init__(self) -> None:
        self.up.set()

    def carry(self) -> None:
        time.sleep(random.Random(self.carried).random() * self.slow)
        self.up.wait()
        self.carried += 1


class Actor:
    """A host as Ray shows it: `actor.tell.remote(...).future()`."""

    def __init__(self, engine: OverAgent, key: str, node: str, orders: Orders, places: int):
        self.key, self.ended, self.network = key, False, engine.networks[node]
        self.engine, self.stuck = engine, engine.stuck
        self.host = Host(orders, places, engine._fetch, name=node, deserted=self.end)

    def end(self) -> None:
        self.ended = True

    def joined(self) -> Joined:
        wait_for(lambda: bool(self.engine.agent._puts))  # the data are there before the host
        return self.host.joined(self.key)

    def keep(self, name: str, put: object) -> None:
        """What the driver has put is in a folder here."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ("joined", "keep"):
            return found
        return SimpleNamespace(remote=lambda *given: self._called(found, given))

    def __getattr__(self, name: str) -> Any:  # tell, take, beat
        method = getattr(self.host, name)
        return SimpleNamespace(remote=lambda *given: self._called(method, given))

    def _called(self, method: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        if threading.current_thread().name == RAYS_OWN:
            self.stuck.append(method)  # Ray's client would wait for itself
        future: Future[Any] = Future()

        def carried() -> None:
            self.network.carry()
            dead = self.ended
            value = None if dead else method(*given)
            self.network.carry()  # an answer that is on its way arrives, whoever has died
            if dead:
                future.set_exception(ActorDiedError())
            else:
                future.set_result(value)

        threading.Thread(target=carried, daemon=True, name=RAYS_OWN).start()
        return SimpleNamespace(future=lambda: future)


class Stepped(Agent):
    """An agent that looks at the time when it is told to."""

    def _repeat(self, every: float, what: Callable[[], None]) -> None: ...


class OverAgent(InProcess):
    """An engine whose calls go through Ray's agent, to a place on each machine.

    clock: moves when `pass_time` says so. stuck: calls that were made in Ray's own thread.
    """

    def __init__(self, patch: pytest.MonkeyPatch, machines: int, slow: float = 0.0) -> None:
        super().__init__()
        self.clock, self.actors, self.stuck = Clock(), [], []
        self.networks = {f"node-{n}": Network(slow) for n in range(machines)}
        made = SimpleNamespace(remote=self._made)
        ray = SimpleNamespace(
            init=lambda **_: None,
            put=lambda value: value,
            nodes=list,
            kill=lambda actor: actor.end(),
            remote=lambda _: SimpleNamespace(options=lambda **_: made),
        )
        nodes = [Node(f"{n + 1:056x}", name, 1, 1, 1) for n, name in enumerate(self.networks)]
        for module in (ray_agent, ray_connect):
            patch.setattr(module, "ray", ray)
        patch.setattr(ray_agent, "free_of", lambda orders: nodes)
        for module in (ray_agent, host):
            patch.setattr(module, "time", self.clock)

    def _made(
        self, key: str, name: str, orders: Orders, places: int, code: object, puts: object
    ) -> Actor:
        self.actors.append(Actor(self, key, name, orders, places))
        return self.actors[-1]

    def start(self, orders: Orders, places: int) -> int:
        channel = SimpleNamespace(send=self._events.put)
        self.agent = Stepped(channel, "auto", "0", threading.Event())
        self.agent.start(orders, places, None)
        name, planned, _ = self._events.get()
        assert name == "started"
        return planned

    def call(self, host: str, name: str, *arguments: Any) -> None:
        self.agent.call(host, name, *arguments)

    def put(self, folder: Path) -> str:
        name = super().put(folder)
        self.agent.put(name, folder)
        return name

    def pass_time(self, seconds: int, step: int = 5) -> None:
        """Let the time pass: the agent shows signs of life, which reach who can be reached."""
        for _ in range(0, seconds, step):
            self.clock.ahead += step
            self._show_life(self.clock.monotonic())

    def _show_life(self, now: float) -> None:
        self.agent._beat()
        for actor in self.actors:
            if actor.network.up.is_set() and not actor.ended:
                wait_for(lambda actor=actor: actor.host._heard_of >= now or actor.ended)

    def close(self) -> None:
        for network in self.networks.values():
            network.up.set()
        for actor in self.actors:
            actor.host.close()
