"""What a pool needs of its workers: those of this machine (`Crew`), or of many (`Fleet`)."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Protocol

from objectives.training import Decision
from sweeps.workers.orders import Orders

Message = tuple[Any, ...]


class AnyCrew(Protocol):
    """Workers that start, work and are replaced. A worker is opaque to whoever gives it work.

    idle: those that wait for work.
    """

    closed: bool

    @property
    def idle(self) -> Collection[Any]:
        """The workers that wait for work."""
        ...

    @property
    def places(self) -> int:
        """How many jobs may be under way at once."""
        ...

    def data(self, folder: Path) -> None:
        """Tell all workers, including those started later, where the arrays are."""
        ...

    def heard(self, *, wait: bool = True) -> Iterator[tuple[Any, Message]]:
        """Yield each message that has come from a worker, in order; `wait` until something has.

        Besides what workers send: `("idle",)`, `("died", reason)` if it died during a job, and
        `("lost", reason)` if its machine did, which says nothing about the job.
        """
        ...

    def hear(self, worker: Any) -> Message:
        """Wait for the next message of one worker; those of others wait for `heard`."""
        ...

    def choose(self, config: Any) -> Any:
        """Return the idle worker that fits a config best."""
        ...

    def assign(self, worker: Any, name: str, *arguments: Any) -> None:
        """Give an idle worker a job. Raises BadInput where it cannot be sent."""
        ...

    def answer(self, worker: Any, epoch: int, decision: Decision) -> None:
        """Send a decision on a worker's job, up to an epoch."""
        ...

    def release(self, worker: Any) -> None:
        """Note that a worker's job is done."""
        ...

    def learn(self, worker: Any, config: Any, structure: str | None, resident: float) -> None:
        """Note which program a worker has compiled, and its memory in MB."""
        ...

    def close(self) -> None:
        """End every process. Safe to call again."""
        ...


class Hearing:
    """Messages of workers that have come, until they are taken."""

    def __init__(self) -> None:
        self._pending: deque[tuple[Any, Message]] = deque()

    def heard(self, *, wait: bool = True) -> Iterator[tuple[Any, Message]]:
        """Yield each message that has come from a worker, as `AnyCrew` says.

        Raises:
            BadInput: A worker cannot start because of the user's code or data. The crew is closed.
            RuntimeError: Workers cannot start for another reason. The crew is closed.
        """
        if not self._pending:
            self._listen(wait)
        while self._pending:
            yield self._pending.popleft()

    @abstractmethod
    def _listen(self, wait: bool) -> None:
        """Read what there is, after waiting for it or at once."""


MakeCrew = Callable[[Orders, int], AnyCrew]
