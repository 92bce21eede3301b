"""A worker: trains what the driver sends, streams every epoch, and waits for answers at rungs."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data
from objectives.training import (
    Decision,
    Logs,
    Trainer,
    TrialResult,
    TrialSpec,
    UnknownMonitor,
    here,
)
from objectives.training.averages import Averages, Refits, Weighted
from objectives.training.environment import require_gpu
from sweeps.workers.machine import resident
from sweeps.workers.reference import Reference
from sweeps.workers.wire import Channel

if TYPE_CHECKING:
    from objectives import Objective

PAUSE = 0.02  # seconds: faster epochs are sent in one message
Message = tuple[Any, ...]
USER_ERRORS = (UnknownMonitor, BadInput)  # raised again in the driver


def work(channel: Channel) -> int:
    """Serve the driver until it is gone; return the exit code."""
    inbox: deque[Message] = deque()
    worker = Worker(channel, inbox)
    while True:
        while not inbox:
            try:
                inbox.extend(channel.receive())
            except EOFError:
                return 0
        name, *arguments = inbox.popleft()
        if name != "answer":  # an answer to a trial that is over
            getattr(worker, name)(*arguments)


class Worker:
    """Its public methods are the driver's messages. inbox: messages that are yet to be handled."""

    def __init__(self, channel: Channel, inbox: deque[Message]) -> None:
        self._channel = channel
        self._inbox = inbox
        self._trainer: Trainer | None = None
        self._make: Callable[[Data], Trainer] | None = None

    def setup(self, reference: Reference, trainer: str, environment: Mapping[str, str]) -> None:
        """Import the sweep. An error here would occur in every worker, so it closes the pool."""
        os.environ.update(environment)
        try:
            if "CUDA_VISIBLE_DEVICES" in environment:  # it was given a GPU
                require_gpu()
            objective = reference.load().objective
            # If the driver runs the sweep as a script, pickled configs name `__main__`.
            sys.modules["__main__"] = reference.imported()
            self._make = factory(trainer, objective)
        except Exception as error:
            self._broken(error)

    def data(self, folder: Path, edition: int) -> None:
        """Map the arrays and make the trainer."""
        if self._make is None:
            return
        try:
            self._trainer = self._make(Data.open(folder))
        except Exception as error:
            self._broken(error)
        else:
            self._channel.send(("ready", edition))

    def train(self, job: int, spec: TrialSpec, seen: int) -> None:
        """Train one trial; a worker that died has already reported its first `seen` epochs."""
        stream = Stream(self._channel, self._inbox, job, spec, seen)
        try:
            (result,) = self._ready.train(iter([spec]), stream.epoch)
            # Without the spec: its config may be of a class that the driver cannot unpickle.
            message: Message = ("result", dataclasses.replace(result, spec=None), resident())  # type: ignore[arg-type]
        except USER_ERRORS as error:
            message = ("refused", *_describe(error))
        except Exception as error:
            message = ("result", "".join(traceback.format_exception(error)), resident())
        stream.flush()
        self._channel.send(message)

    def evaluate(self, job: int, spec: TrialSpec, model: Path | None) -> None:
        """Evaluate kept weights on the test set."""
        self._told(lambda: self._ready.evaluate(spec, model))

    def average(self, job: int, nets: Sequence[TrialResult], folder: Path, given: Any) -> None:
        """Average trained nets, where the trainer knows how to."""
        trainer: Any = self._trainer
        known = isinstance(trainer, Averages)
        self._told(lambda: trainer.average(nets, folder, **given) if known else {})

    def together(self, job: int, nets: Sequence[Weighted], said: Path, given: Any) -> None:
        """Judge nets together, where the trainer knows how to."""
        trainer: Any = self._trainer
        known = isinstance(trainer, Refits)
        none = {"reason": "this trainer does not refit"}
        self._told(lambda: trainer.together(nets, said, **given) if known else none)

    def _told(self, ask: Callable[[], Any]) -> None:
        """Send what the trainer answers, or why it refuses."""
        try:
            message: Message = ("scores", ask())
        except Exception as error:
            traceback.print_exc()
            message = ("refused", *_describe(error))
        self._channel.send(message)

    @property
    def _ready(self) -> Trainer:
        if self._trainer is None:
            raise RuntimeError("the worker was given no data")
        return self._trainer

    def _broken(self, error: Exception) -> None:
        self._make = None
        traceback.print_exception(error)
        kind, text = _describe(error)
        self._channel.send(("broken", text, kind))


class Stream:
    """Sends one trial's epochs to the driver, and receives its answers."""

    def __init__(
        self, channel: Channel, inbox: deque[Message], job: int, spec: TrialSpec, seen: int
    ) -> None:
        self._channel = channel
        self._inbox = inbox
        self._job = job
        self._rungs = frozenset(spec.rungs)
        self._seen = seen
        self._held: list[Logs] = []
        self._next = seen + 1
        self._sent = 0.0

    def epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        """Hold or send an epoch; return a decision: awaited at a rung, else if one came."""
        if epoch <= self._seen:
            return self._answer(None)
        if not self._held:
            self._next = epoch
        self._held.append(dict(logs))  # a copy: the trainer may reuse it
        rung = epoch in self._rungs
        if rung or time.monotonic() - self._sent >= PAUSE:
            self.flush(waits=rung)
        return self._answer(epoch if rung else None)

    def flush(self, *, waits: bool = False) -> None:
        """Send the epochs that are held. waits: for a decision on the last of them."""
        if self._held:
            self._channel.send(("epochs", self._next, self._held, waits))
            self._held = []
        self._sent = time.monotonic()

    def _answer(self, awaited: int | None) -> Decision:
        while True:
            try:
                messages = self._channel.receive(wait=awaited is not None)
            except EOFError:
                os._exit(0)  # nobody is left to train for
            found: Decision | None = None
            for message in messages:
                if message[0] != "answer":  # the driver has abandoned this trial
                    self._inbox.append(message)
                    continue
                _, job, epoch, answer = message
                tells = epoch == awaited or answer is not Decision.CONTINUE
                if job == self._job and tells and found in (None, Decision.CONTINUE):
                    found = answer
            if found is not None or awaited is None:
                return found or Decision.CONTINUE


def factory(trainer: str, objective: Objective[Any]) -> Callable[[Data], Trainer]:
    """Return a function that makes the trainer; `module:name` and `file.py:name` are factories."""
    source, _, name = trainer.rpartition(":")
    if not source:
        return lambda data: here(objective, data, trainer)
    if source.endswith(".py"):
        make = getattr(Reference(file=source).imported(), name)
    else:
        make = getattr(importlib.import_module(source), name)
    return lambda data: make(objective, data)


def _describe(error: Exception) -> tuple[str, str]:
    known = next((kind.__name__ for kind in USER_ERRORS if isinstance(error, kind)), "")
    return known, str(error) if known else f"{type(error).__name__}: {error}"
