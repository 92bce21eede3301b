"""A Ray cluster that is gone, seen from the driver: scripted agents, no Ray."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sweeps.cluster import ray_engine
from sweeps.cluster.engine import Ended, Said
from sweeps.cluster.ray_engine import RayEngine
from sweeps.workers import Reference
from sweeps.workers.orders import Orders
from sweeps.workers.wire import Channel

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="[ray] is not installed")


class Scripted(RayEngine):
    """Its agents are the other ends of sockets. agents: of those that were started."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.agents: list[Channel] = []

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        self._selector = selectors.DefaultSelector()
        self._selector.register(ours, selectors.EVENT_READ)
        self.agents.append(Channel(theirs))
        if len(self.agents) == 1:
            self.agents[0].send(("started", 1, 1))

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    monkeypatch.setattr(ray_engine, "BETWEEN", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        engine = Scripted(address, tmp_path / "log", patience=0.3)
        log = tmp_path / "log"
        orders = Orders(Reference(module="tests.workers.scripts"), "auto", "cpu", 1, log)
        assert engine.start(orders, 1) == 1
        yield engine
        engine._end()
        for agent in engine.agents:
            agent.close()


def test_an_agent_that_hangs_does_not_lengthen_the_wait(engine: Scripted) -> None:
    engine.agents[0].close()
    (said,) = engine.wait(1.0)
    assert isinstance(said, Said)
    assert "waiting up to 0 s until it is back" in said.line
    until, found = time.monotonic() + 60.0, []
    while not found and time.monotonic() < until:
        found = [*engine.wait(0.05)]  # the second agent never answers
    assert [type(one) for one in found] == [Ended]
    assert len(engine.agents) == 2


def test_a_cluster_that_is_back_may_be_gone_again(engine: Scripted) -> None:
    engine.agents[0].close()
    engine.wait(1.0)
    engine.wait(0.0)
    engine.agents[1].send(("started", 1, 1))
    (said,) = engine.wait(1.0)
    assert isinstance(said, Said)
    assert said.line.endswith("is back")
    time.sleep(0.4)
    assert engine.wait(0.0) == []
