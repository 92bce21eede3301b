"""What a fleet needs of a cluster: hosts on its machines, calls to them, and files for them.

An engine is a class with five methods. It knows nothing of trials: it starts a `Host` on every
machine with room, carries calls there, and says what became of them. A call may be lost, carried
out without its answer, or carried out late: the fleet repeats it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sweeps.workers.orders import Orders

ALL = sys.maxsize  # places: as many as the cluster has, now and later
LEASE = 30.0  # seconds without a word of the driver, after which a host ends itself
SILENCE = 60.0  # seconds without a word of a host, after which it is given up


@dataclass(frozen=True)
class Joined:
    """A host is there. root: its folder. versions: of what sets a trial's digits."""

    host: str
    name: str
    places: int
    root: str
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """A call was carried out, once or more often."""

    host: str
    call: str
    value: Any


@dataclass(frozen=True)
class Missed:
    """A call's answer is lost: it may or may not have been carried out."""

    host: str
    call: str
    reason: str


@dataclass(frozen=True)
class Gone:
    """A host is no longer there, and will not be again."""

    host: str
    reason: str


@dataclass(frozen=True)
class Said:
    """Something that the user should know."""

    line: str


@dataclass(frozen=True)
class Ended:
    """The cluster is gone for good."""

    reason: str


Event = Joined | Answered | Missed | Gone | Said | Ended


class Engine(Protocol):
    """A cluster, as a fleet sees it."""

    def start(self, orders: Orders, places: int) -> int:
        """Start hosts with so many places together, now and on machines that come later.

        Returns:
            How many places there will be from what the cluster has now.

        Raises:
            BadInput: The cluster cannot be reached, or has no room.
        """
        ...

    def call(self, host: str, name: str, *arguments: Any) -> None:
        """Call a host's `tell` or `take`; `wait` has what became of it."""
        ...

    def put(self, folder: Path) -> str:
        """Give the files of a folder to all hosts, which `Host` fetches by the name returned."""
        ...

    def wait(self, seconds: float) -> Sequence[Event]:
        """Wait for events, at most so long; the order of one host's events is kept."""
        ...

    def close(self) -> None:
        """End every host. Safe to call again."""
        ...
