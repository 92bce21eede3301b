"""A machine of a fleet, as the driver knows it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sweeps.cluster.engine import Joined
from sweeps.cluster.numbering import Inbox, Outbox
from sweeps.cluster.parcel import Parcel

DIGITS = ("keras-sweeps", "python", "tensorflow", "keras", "numpy")  # what sets a curve's digits


@dataclass(eq=False)
class Slot:
    """A place for one job. Which worker gets the job, the machine's own crew chooses."""

    machine: Machine
    number: int
    job: int | None = None


class Machine:
    """A host: what was said to it, what it has said, and the jobs that it has.

    Args:
        joined: What the host said of itself.
        number: Of the machines that have come, which one it is.
    """

    def __init__(self, joined: Joined, number: int) -> None:
        self.key = joined.host
        self.name = joined.name
        self.number = number
        self.places = joined.places
        self.root = joined.root
        self.inbox, self.outbox = Inbox(), Outbox()
        self.calls: set[str] = set()  # those without an answer yet
        self.again: dict[str, float] = {}  # when they are repeated
        self.jobs: dict[int, tuple[Slot, Parcel]] = {}
        self.slots: set[Slot] = set()
        self.ready = 0  # workers that have the data
        self.structures: set[str] = set()
        self._numbers = itertools.count()

    def expect(self, name: str, edition: int) -> None:
        """Tell the host which arrays to train on."""
        self.ready = 0
        self.outbox.put(("data", name, edition))

    def dropped(self) -> set[Slot]:
        """Forget the slots without a job; return them."""
        without = {slot for slot in self.slots if slot.job is None}
        self.slots -= without
        return without

    def grown(self, ready: int) -> Iterator[Slot]:
        """Yield new slots, so that there are as many as workers that are ready."""
        self.ready = ready
        while len(self.slots) < ready:
            slot = Slot(self, next(self._numbers))
            self.slots.add(slot)
            yield slot

    def due(self, now: float) -> list[str]:
        """Return the calls to repeat now."""
        found = [call for call, when in self.again.items() if when <= now]
        for call in found:
            del self.again[call]
        return found


def other_versions(joined: Joined, own: Mapping[str, str]) -> str:
    """Return a line about the versions on a machine that are not the driver's, or nothing."""
    theirs = joined.versions
    other = [
        f"{name} {theirs.get(name, 'missing')} ({own.get(name, 'missing')} here)"
        for name in DIGITS
        if own.get(name) != theirs.get(name)
    ]
    if not other:
        return ""
    return (
        f"machine {joined.name} has other versions, so its curves may differ: {', '.join(other)}"
    )
