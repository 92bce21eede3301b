"""Ctrl-C and SIGTERM: once stops the sweep between two writes, twice ends the process at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar


class Interrupts:
    """Raises KeyboardInterrupt at the first signal, but never inside a `shield`.

    A store that is being written is so never left in the middle. Outside the main thread, where
    Python delivers no signals, it does nothing.
    """

    terminated: ClassVar[bool] = False  # the last one in this process was stopped by a SIGTERM

    def __init__(self, on_first: Callable[[], None] = lambda: None) -> None:
        self._on_first = on_first
        self._shields = 0
        self._signals = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        """Take over the two signals."""
        Interrupts.terminated = False
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        self._signals += 1
        if self._signals > 1:
            os._exit(130)
        Interrupts.terminated = number == signal.SIGTERM
        self._on_first()
        if not self._shields:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def shield(self) -> Iterator[None]:
        """Put an interruption off until the block has ended."""
        before = self._signals
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        if self._signals > before and not self._shields:
            raise KeyboardInterrupt


def end_if_terminated() -> None:
    """End this process by the SIGTERM that has stopped a sweep, now that all of it is kept.

    A script that was told to end shall not go on. A handler of its own is called instead.
    """
    if Interrupts.terminated:
        Interrupts.terminated = False
        signal.raise_signal(signal.SIGTERM)
