"""No wait for a database lasts forever, even if its process is stopped or its cable pulled.

A server's own limits do not apply while it is stopped, and its system still acknowledges what is
sent to it. So one thread looks at every wait: after a few seconds it says so, and after half a
minute it closes the connections, which ends the wait with an ordinary error.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    import sqlalchemy

SLOW = 5.0  # seconds without an answer after which the user is told
LIMIT = 30.0  # seconds without an answer after which connections are closed
_TICK = 0.5


class Interrupted(OSError):
    """An operation has had a fault: nothing more of it is sent before it is looked at afresh."""


class Guard:
    """Watches the connections of one engine.

    slow: called from another thread, once a wait, as soon as it takes longer than `SLOW`.
    """

    def __init__(self, slow: Callable[[], None]) -> None:
        self.slow = slow
        self.faulty = False  # whether the operation that runs has had a fault
        self.made = 0  # connections so far: a new one tells that others may be lost
        self._operating = self._once = False
        self._connections: WeakSet[Any] = WeakSet()
        self._since: float | None = None  # the last sign of life, while something is waited for
        self._told = False

    @contextlib.contextmanager
    def operation(self, *, once: bool = False) -> Iterator[None]:
        """Watch everything that the block does.

        once: nothing is sent after the first fault. Optuna would otherwise create a trial again
        whose commit was done, but not answered.
        """
        self._operating, self._once, self.faulty = True, once, False
        self._begin()
        try:
            yield
        finally:
            self._operating = self._once = self.faulty = False
            self._since = None

    def attach(self, engine: sqlalchemy.Engine) -> None:
        """Watch every statement of an engine."""
        import sqlalchemy

        for event in ("before_cursor_execute", "after_cursor_execute", "handle_error"):
            sqlalchemy.event.listen(engine, event, getattr(self, f"_{event}"))

    @property
    def operating(self) -> bool:
        """Whether an operation is watched, whose faults are told by whoever began it."""
        return self._operating

    def connected(self, connect: Callable[[], Any]) -> Any:
        """Return a new connection of the driver, which is watched."""
        self._check()
        try:
            made = self.waited(connect)
        except Exception:
            self.faulty = self._once
            raise
        self.made += 1
        with contextlib.suppress(TypeError):  # a driver's that cannot be referred to weakly
            self._connections.add(made)
        return made

    def waited(self, call: Callable[[], Any]) -> Any:
        """Return what a call does, which is watched."""
        self._begin()
        try:
            return call()
        finally:
            self._end()

    def _check(self) -> None:
        if self.faulty:
            raise Interrupted("an earlier statement of the same change has failed")

    def _begin(self) -> None:
        _start(self)
        if not (self._operating and self._since is not None):
            self._told = False
        self._since = time.monotonic()

    def _end(self) -> None:
        self._since = time.monotonic() if self._operating else None

    def _before_cursor_execute(self, *_: object) -> None:
        self._check()
        self._begin()

    def _after_cursor_execute(self, *_: object) -> None:
        self._end()

    def _handle_error(self, context: Any) -> None:
        self.faulty = self.faulty or (self._once and not context.is_pre_ping)
        self._end()

    def look(self) -> None:
        """Tell of a wait that is long, and end one that is too long."""
        since = self._since
        if since is None:
            return
        waited = time.monotonic() - since
        if waited > SLOW and not self._told:
            self._told = True
            self.slow()
        if waited > LIMIT:
            self._since = time.monotonic()
            self.cut()

    def cut(self) -> None:
        """Close the sockets of all connections: whoever waits for one gets an error."""
        for connection in list(self._connections):
            with contextlib.suppress(Exception):  # closed already, or a driver without sockets
                copy = socket.socket(fileno=os.dup(connection.fileno()))
                with copy:
                    copy.shutdown(socket.SHUT_RDWR)


_GUARDS: WeakSet[Guard] = WeakSet()
_LOCK = threading.Lock()
_THREAD: list[threading.Thread] = []


def _start(guard: Guard) -> None:
    """Have the one thread of this process look at a guard."""
    if guard in _GUARDS:
        return
    with _LOCK:
        _GUARDS.add(guard)
        if not _THREAD:
            _THREAD.append(threading.Thread(target=_look, name="databases", daemon=True))
            _THREAD[0].start()


def _look() -> None:
    while True:
        time.sleep(_TICK)
        with _LOCK:
            guards = list(_GUARDS)
        for guard in guards:
            guard.look()
        del guards[:]
