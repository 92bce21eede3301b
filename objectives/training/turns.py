"""Functions that take turns: each is paused in the middle while another one runs."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from tensorflow.python.eager import context  # which keeps the generator of seeds to itself

from objectives.training import settings


class Dropped(BaseException):
    """Nobody needs what the paused function would do next."""


class Turn:
    """A function in a thread of its own, which runs only while its caller waits for it.

    `fit` cannot be left in the middle and taken up again in any other way. As if it ran alone, the
    function finds the random numbers and the settings of Keras as it left them.

    Args:
        function: Called at the first turn; it calls `pause` where its caller is to go on.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._mine, self._callers = threading.Semaphore(0), threading.Semaphore(0)
        self._fault: BaseException | None = None
        self._running = self._dropped = False
        self.ended = False

    def take(self) -> None:
        """Let the function run until it pauses or ends. What it raises is raised here."""
        kept = _state()
        if self._thread.ident is None:
            self._settings = settings.read()  # some are a thread's own
            self._thread.start()
        self._wait()
        _restore(kept)
        if self._fault is not None:
            raise self._fault

    def pause(self) -> None:
        """Let the caller go on until the next turn. Called by the function."""
        kept = _state()
        self._running = False
        self._callers.release()
        self._mine.acquire()
        if self._dropped:
            raise Dropped
        _restore(kept)

    def drop(self) -> None:
        """End a function that is paused, or that an interruption left running."""
        self._dropped = True
        if self._running:
            self._callers.acquire()
        if self._thread.ident is not None and not self.ended:
            self._wait()

    def _wait(self) -> None:
        self._running = True
        self._mine.release()
        self._callers.acquire()

    def _run(self) -> None:
        self._mine.acquire()
        try:
            settings.write(self._settings)
            self._function()
        except Dropped:
            pass
        except BaseException as fault:
            self._fault = fault
        self.ended = True
        self._running = False
        self._callers.release()


def _state() -> tuple[Any, ...]:
    eager = vars(context.context())
    seeds = {name: eager[name] for name in ("_seed", "_rng") if name in eager}
    return random.getstate(), np.random.get_state(), seeds, settings.read()


def _restore(state: tuple[Any, ...]) -> None:
    own, numpy, seeds, values = state
    random.setstate(own)
    np.random.set_state(numpy)
    vars(context.context()).update(seeds)
    settings.write(values)
