"""A host as an actor of Ray's: it runs on a machine of the cluster."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from sweeps.cluster.code import Code
from sweeps.cluster.engine import Joined
from sweeps.cluster.host import Host
from sweeps.cluster.numbering import Message
from sweeps.cluster.scratch import Scratch
from sweeps.workers.orders import Orders

PATIENCE = 60.0  # seconds until what the driver has put is known here
Put = Mapping[str, Any]  # references to the files of a folder, by their names


class RayHost:
    """Carries calls to a `Host`, and fetches for it what lies in Ray's object store."""

    def __init__(
        self, key: str, name: str, orders: Orders, places: int, code: Code, puts: Mapping[str, Put]
    ) -> None:
        self._key = key
        self._puts = dict(puts)
        self._known = threading.Condition()
        scratch = Scratch()
        reference = code.unpack(scratch.folder / "code")
        self._host = Host(
            dataclasses.replace(orders, reference=reference),
            places,
            self._fetch,
            name=name,
            scratch=scratch,
            deserted=lambda: os._exit(0),
        )

    def joined(self) -> Joined:
        """Return what the driver is told of this host."""
        return self._host.joined(self._key)

    def keep(self, name: str, put: Put) -> None:
        """Learn where the files of a folder are."""
        with self._known:
            self._puts[name] = put
            self._known.notify_all()

    def tell(self, first: int, messages: Sequence[Message]) -> int:
        """Take messages of the driver."""
        return self._host.tell(first, messages)

    def take(self, after: int) -> tuple[int, list[Message]]:
        """Wait for messages to the driver."""
        return self._host.take(after)

    def beat(self) -> None:
        """Note that the driver is there."""
        self._host.beat()

    def close(self) -> None:
        """End the workers."""
        self._host.close()

    def _fetch(self, name: str, folder: Path) -> None:
        with self._known:
            self._known.wait_for(lambda: name in self._puts, PATIENCE)
            put = self._puts[name]
        unfinished = folder.with_name(f"{folder.name}.part")
        unfinished.mkdir(exist_ok=True)
        for file, reference in put.items():
            content: Any = ray.get(reference)
            with (unfinished / file).open("wb") as target:
                target.write(memoryview(content))
            del content
        unfinished.rename(folder)
