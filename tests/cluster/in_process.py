"""An engine whose machines are in this process: their calls may be lost, repeated and late."""

from __future__ import annotations

import queue
import random
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sweeps.cluster.engine import Answered, Event, Gone, Missed
from sweeps.cluster.host import Host
from sweeps.workers.orders import Orders

EACH = 2  # places of a machine


class InProcess:
    """Hosts with real workers, and no network.

    lost: the share of calls that are not carried out, and as many whose answer is lost.
    """

    def __init__(self, *, lost: float = 0.0, seed: int = 0, each: int = EACH) -> None:
        self.hosts: dict[str, Host] = {}
        self.missed = 0
        self._lost = lost
        self._random = random.Random(seed)
        self._each = each
        self._folders: dict[str, Path] = {}
        self._events: queue.Queue[Event] = queue.Queue()
        self._orders: Orders | None = None
        self._count = 0

    def start(self, orders: Orders, places: int) -> int:
        self._orders, left = orders, places
        while left > 0:
            self.add(min(self._each, left))
            left -= self._each
        return places

    def add(self, places: int, **options: Any) -> str:
        """Start a machine."""
        assert self._orders is not None
        key = f"host-{self._count}"
        self._count += 1
        host = Host(self._orders, places, self._fetch, name=key, **options)
        self.hosts[key] = host
        self._events.put(host.joined(key))
        return key

    def kill(self, key: str, *, silently: bool = False) -> None:
        """End a machine without a word of it."""
        self.hosts.pop(key).close()
        if not silently:
            self._events.put(Gone(key, "it was killed"))

    def say(self, event: Event) -> None:
        self._events.put(event)

    def call(self, host: str, name: str, *arguments: Any) -> None:
        fate = self._random.random() / self._lost if self._lost else 2.0
        threading.Thread(
            target=self._carry, args=(host, name, arguments, fate), daemon=True
        ).start()

    def _carry(self, host: str, name: str, arguments: tuple[Any, ...], fate: float) -> None:
        found = self.hosts.get(host)
        if found is None:
            return
        value = getattr(found, name)(*arguments) if fate >= 0.5 else None
        if fate >= 1.0:
            self._events.put(Answered(host, name, value))
        else:
            self.missed += 1
            self._events.put(Missed(host, name, "lost"))

    def put(self, folder: Path) -> str:
        name = f"files-{len(self._folders)}"
        self._folders[name] = folder
        return name

    def _fetch(self, name: str, folder: Path) -> None:
        shutil.copytree(self._folders[name], folder)

    def wait(self, seconds: float) -> Sequence[Event]:
        try:
            found = [self._events.get(timeout=seconds)]
        except queue.Empty:
            return []
        while not self._events.empty():
            found.append(self._events.get())
        return found

    def close(self) -> None:
        for host in self.hosts.values():
            host.close()
