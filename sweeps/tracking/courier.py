"""The thread that delivers to MLflow: every few seconds, after each trial, and after a fault.

With many trials at once a delivery of all takes longer, and the next one waits longer: a server is
kept busy for a part of the time only, and gets more of a trial at a time. What belongs to the
study, and trials that have ended, do not wait for that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from sweeps.tracking.client import reason
from sweeps.tracking.delivery import Delivery
from sweeps.tracking.notices import announce

log = logging.getLogger("sweeps.tracking")

FLUSH = 3.0  # seconds between deliveries of all, at least
LONGEST = 60.0  # and at most
REST = 3.0  # as many times as long as a delivery of all took
GATHER = 0.5  # seconds in which trials that end are delivered together
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds between attempts during a fault
SLOW = 30.0  # seconds of one delivery after which the user is told
_LAST_PAUSE = 0.5  # seconds between attempts while the program waits to exit


class Over(Exception):
    """The time for deliveries is up: what is left is delivered another time."""


def pause(tries: int) -> float:
    """Return the seconds to wait after this many failed attempts in a row."""
    return PAUSES[min(tries, len(PAUSES)) - 1]


class Courier:
    """Runs a `Delivery` in a background thread until it is closed."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.failing: str | None = None
        self._on_disk = True
        self._wake, self._closing = threading.Event(), threading.Event()
        self._urgent: set[str] = set()  # streams that do not wait
        self._all_at = 0.0  # when all is delivered next
        self._tasks: list[Callable[[], bool]] = []
        self._deadline = float("inf")
        delivery.may_go_on = self._may_go_on
        self._since: float | None = None  # of the delivery that runs
        self._gathers = False  # whether trials end faster than they are delivered one by one
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs already."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
            self._thread.start()

    def wake(self, stream: str) -> None:
        """Deliver a stream now, unless deliveries are failing."""
        self._urgent.add(stream)
        self._wake.set()

    def after_delivery(self, task: Callable[[], bool]) -> None:
        """Run a task in the courier's thread, as soon as everything is delivered.

        It is called again after the next delivery until it returns True.
        """
        self._all_at = 0.0
        self._tasks.append(task)
        self._wake.set()

    def look(self) -> None:
        """Tell of a delivery that hangs, which its thread cannot do itself."""
        since = self._since
        if since is not None and time.monotonic() - max(since, self.delivery.alive) > SLOW:
            self._tell(f"nothing was sent in {SLOW:.0f} s")

    def close(self, timeout: float) -> None:
        """Deliver what remains, within `timeout` seconds, and end the thread."""
        if self._closing.is_set():
            timeout = min(timeout, _LAST_PAUSE)  # a second call: the first one has waited
        self._deadline = time.monotonic() + timeout
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        tries, first = 0, True
        while True:
            closing = self._closing.is_set()
            if closing and time.monotonic() >= self._deadline:
                return
            self._wake.clear()
            tries = 0 if self._try() else tries + 1
            if first and not tries:  # only the first delivery, for the page's address, is urgent
                first = False
                if not self.delivery.uri.startswith("http"):  # else the work is the server's
                    _lower_priority()
            if closing and not tries and not self._tasks:
                return
            if not tries:
                self._closing.wait(GATHER if self._gathers else 0.0)
                self._wake.wait(max(0.0, self._all_at - time.monotonic()))
            elif closing:
                time.sleep(_LAST_PAUSE)
            else:
                self._closing.wait(pause(tries))

    def _try(self) -> bool:
        """Deliver and run the tasks; return whether all of it succeeded."""
        self._since = began = time.monotonic()
        try:
            urgent = {self._urgent.pop() for _ in range(len(self._urgent))}
            self._gathers = len(urgent) > 1
            if began >= self._all_at or self._closing.is_set() or self.failing:
                self.delivery.deliver_all()
                took = time.monotonic() - began
                self._all_at = time.monotonic() + min(LONGEST, max(FLUSH, REST * took))
            else:
                self.delivery.deliver(urgent)
            if self._tasks:
                if self._tasks[0]():
                    del self._tasks[0]
                self._wake.set()  # for the rest of it
        except Over:
            return False
        except Exception as error:
            self._all_at = 0.0
            self._failed(error)
        else:
            self._worked()
        finally:
            self._since = None
        self._look_at_disk()
        return self.failing is None

    def _may_go_on(self) -> None:
        if time.monotonic() >= self._deadline:
            raise Over

    def _failed(self, error: Exception) -> None:
        log.debug("delivery failed", exc_info=True)
        self._tell(reason(error))

    def _tell(self, why: str) -> None:
        if self.failing is None:
            self.failing = why
            announce(
                log,
                "MLflow cannot be written to (%s): training continues, and new data is kept in %s "
                "until it can be sent",
                self.failing,
                self.delivery.journal.folder,
            )

    def _worked(self) -> None:
        if self.failing is not None:
            self.failing = None
            announce(log, "MLflow is back, and everything that was kept has been sent")

    def _look_at_disk(self) -> None:
        on_disk = self.delivery.journal.on_disk
        if self._on_disk and not on_disk:
            log.warning(
                "cannot write to %s (disk full or read-only?): curves are kept in memory",
                self.delivery.journal.folder,
            )
        elif on_disk and not self._on_disk:
            log.warning("%s can be written to again", self.delivery.journal.folder)
        self._on_disk = on_disk


def _lower_priority() -> None:
    """Let training use the cores first: deliveries can wait."""
    if sys.platform == "linux":  # where threads have their own priorities
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
