"""The thread that delivers: at a trial's end, every few seconds, and again after a fault."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from sweeps.tracking.delivery import Delivery
from sweeps.tracking.redact import redact

log = logging.getLogger("sweeps.tracking")

FLUSH = 3.0  # seconds between deliveries: a curve is live well within ten
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds between tries while it fails
_LAST_PAUSE = 0.5  # seconds between tries while everybody waits


class Courier:
    """Runs a delivery in a thread of its own until it is closed."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.failing: str | None = None
        self._on_disk = True
        self._wake, self._closing, self._idle = (threading.Event() for _ in range(3))
        self._tasks: list[Callable[[], None]] = []
        self._deadline = float("inf")
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Deliver now, unless it is failing."""
        self._wake.set()

    def after_delivery(self, task: Callable[[], None]) -> None:
        """Run a task in the courier's thread, once, as soon as everything is delivered."""
        self._tasks.append(task)
        self.wake()

    def close(self, timeout: float) -> None:
        """Deliver what is left, for at most `timeout` seconds, and end the thread."""
        if self._closing.is_set():
            timeout = min(timeout, _LAST_PAUSE)  # it was waited for already
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
            if first and not tries:  # the page's address is known
                first = False
                _make_way()
            if closing and not tries:
                return
            if not tries:
                self._wake.wait(FLUSH)
            elif closing:
                time.sleep(_LAST_PAUSE)
            else:
                self._closing.wait(PAUSES[min(tries, len(PAUSES)) - 1])

    def _try(self) -> bool:
        """Deliver and run the tasks; return whether all went well."""
        try:
            self.delivery.round()
            while self._tasks:
                self._tasks[0]()
                del self._tasks[0]
        except Exception as error:
            self._failed(error)
        else:
            self._worked()
        self._look_at_disk()
        return self.failing is None

    def _failed(self, error: Exception) -> None:
        log.debug("delivery failed", exc_info=True)
        if self.failing is None:
            self.failing = (redact(error).strip().splitlines() or [type(error).__name__])[0][:300]
            log.warning(
                "MLflow cannot be written to (%s): training goes on, and what it lacks is kept "
                "in %s and sent when it is back",
                self.failing,
                self.delivery.journal.folder,
            )

    def _worked(self) -> None:
        if self.failing is not None:
            self.failing = None
            log.warning("MLflow is back, and has everything that was kept")

    def _look_at_disk(self) -> None:
        on_disk = self.delivery.journal.on_disk
        if self._on_disk and not on_disk:
            log.warning(
                "cannot write to %s (disk full or read-only?): curves are held in memory",
                self.delivery.journal.folder,
            )
        elif on_disk and not self._on_disk:
            log.warning("%s can be written to again", self.delivery.journal.folder)
        self._on_disk = on_disk


def _make_way() -> None:
    """Let training have the cores first: what is delivered later is no less delivered."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
