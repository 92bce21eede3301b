"""A sweep of 14 parameters, and slots that train nothing: what a cluster is to its driver."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from objectives import Data, Objective, Part, Source
from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
)
from search_spaces import Space, Trial
from sweeps.study.sweep import Sweep, percentile

MAX_EPOCHS = 100
KEEP = 84.0  # per cent at each of four rungs: half of the trials are pruned


@dataclass(frozen=True)
class Net:
    """Fourteen hyperparameters, all of which apply to every trial."""

    learning_rate: float = 0.01
    weight_decay: float = 1e-4
    dropout: float = 0.1
    momentum: float = 0.9
    smoothing: float = 0.05
    noise: float = 0.01
    l2: float = 1e-5
    clip: float = 1.0
    width: int = 64
    depth: int = 2
    batch: int = 128
    warmup: int = 3
    activation: str = "relu"
    optimizer: str = "adam"


def suggest(trial: Trial) -> Net:
    """Ask for a config."""
    return Net(
        learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        momentum=trial.suggest_float("momentum", 0.0, 0.99),
        smoothing=trial.suggest_float("smoothing", 0.0, 0.2),
        noise=trial.suggest_float("noise", 0.0, 0.1),
        l2=trial.suggest_float("l2", 1e-7, 1e-2, log=True),
        clip=trial.suggest_float("clip", 0.1, 10.0, log=True),
        width=trial.suggest_int("width", 8, 512, log=True),
        depth=trial.suggest_int("depth", 1, 8),
        batch=trial.suggest_int("batch", 16, 512, log=True),
        warmup=trial.suggest_int("warmup", 0, 10),
        activation=trial.suggest_categorical("activation", ["relu", "gelu", "silu", "tanh"]),
        optimizer=trial.suggest_categorical("optimizer", ["adam", "adamw", "sgd"]),
    )


def load(source: Source) -> Data:
    """Return data that nothing reads."""
    part = Part(np.zeros((2, 4), np.float32), np.zeros(2, np.float32))
    return Data(part, part, part, source=Source())


def build(config: Net, data: Data) -> Any:
    """Build nothing: no slot trains."""
    raise AssertionError("a slot trains nothing")


SPACE = Space(suggest, Net(), label=lambda config: f"{config.width}x{config.depth}")
OBJECTIVE = Objective(space=SPACE, load=load, build=build, max_epochs=MAX_EPOCHS)
SWEEP = Sweep("cluster", OBJECTIVE, pruner=percentile(KEEP))
NAMES = tuple(one.name for one in fields(Net))


def floor(config: Net) -> float:
    """Return what a config's curve falls to: what the search is to learn."""
    rate, width = math.log10(config.learning_rate) + 2.5, math.log2(config.width / 128.0)
    return 0.1 + 0.05 * rate**2 + 0.02 * width**2 + 0.2 * (config.dropout - 0.15) ** 2


def value(low: float, seed: int, epoch: int) -> float:
    """Return an epoch's validation loss."""
    wiggle = math.sin(0.7 * epoch + seed % 97) * 0.002
    return low + 0.001 * (seed % 13) + math.exp(-epoch / 12.0) + wiggle


def logs_of(low: float, seed: int, epoch: int) -> Logs:
    """Return six metrics of an epoch."""
    loss = value(low, seed, epoch)
    return {
        "loss": 0.9 * loss,
        "accuracy": 1.0 - loss / 2.0,
        "val_loss": loss,
        "val_accuracy": 1.0 - loss / 1.9,
        "learning_rate": 0.01 / epoch,
        "epoch_seconds": 1.0,
    }


@dataclass
class Seen:
    """What was measured inside of the window: seconds, and processor seconds of the driver."""

    epochs: int = 0
    trials: int = 0
    delays: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)  # of free slots
    asking: float = 0.0
    reporting: float = 0.0
    ending: float = 0.0


@dataclass(order=True)
class _Slot:
    due: float
    spec: TrialSpec = field(compare=False)
    low: float = field(compare=False)
    best: Best = field(compare=False)
    epoch: int = field(compare=False, default=0)


class Slots:
    """As many places as are asked for, each of which reports an epoch every `pace` seconds.

    They stream: an epoch comes when it is due, whatever the driver does, and only a rung's is
    waited for. A slot whose trial has ended is given another one at once.

    begun: epochs that trials of the study have already had, by number. warm, seconds: what is
    left out at the start, and what is then measured. edge: called at both ends of that, and in
    the middle.
    """

    def __init__(
        self,
        places: int,
        pace: float,
        begun: dict[int, int],
        warm: float,
        seconds: float,
        edge: Callable[[], None],
    ) -> None:
        self.places, self.pace, self.begun = places, pace, begun
        self.seen = Seen()
        self._warm, self._seconds, self._edge = warm, seconds, edge
        self._due: list[_Slot] = []
        self._free: deque[float] = deque()
        self._spread = np.random.default_rng(0)

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Iterator[TrialResult]:
        """Run until the window is over, or the study has its total."""
        now = time.monotonic()
        self._free.extend([now] * self.places)
        measuring, exhausted = False, sum(self._take(specs) for _ in self.begun) < len(self.begun)
        now = time.monotonic()
        start, end = now + self._warm, now + self._warm + self._seconds
        middle = start + self._seconds / 2.0
        while (now := time.monotonic()) < end and (self._due or not exhausted):
            if not measuring and now >= start:
                measuring, self.seen = True, Seen()
                self._edge()
            if now >= middle:
                middle = end
                self._edge()
            while self._due and self._due[0].due <= now:
                if (result := self._report(heapq.heappop(self._due), on_epoch)) is not None:
                    began = time.thread_time()
                    yield result
                    self.seen.ending += time.thread_time() - began
                    self.seen.trials += 1
                    break  # as of a worker's pool: its place is given another trial at once
            if self._free and not exhausted:
                exhausted = not self._take(specs)
            elif self._due:
                time.sleep(max(0.0, min(self._due[0].due, end) - time.monotonic()))
        self._edge()

    def _take(self, specs: Iterator[TrialSpec]) -> bool:
        began = time.thread_time()
        spec = next(specs, None)
        self.seen.asking += time.thread_time() - began
        if spec is None:
            return False
        now = time.monotonic()
        self.seen.waits.append(now - self._free.popleft())
        old = spec.number in self.begun
        due = now + (self._spread.random() if old else 1.0) * self.pace
        epoch = self.begun.get(spec.number, 0)
        slot = _Slot(due, spec, floor(spec.config), Best(spec.monitor), epoch)
        heapq.heappush(self._due, slot)
        return True

    def _report(self, slot: _Slot, on_epoch: OnEpoch) -> TrialResult | None:
        slot.epoch += 1
        logs = logs_of(slot.low, slot.spec.seed, slot.epoch)
        slot.best.update(slot.epoch, logs)
        began = time.thread_time()
        decision = on_epoch(slot.spec, slot.epoch, logs)
        now = time.monotonic()
        seen = self.seen
        seen.reporting += time.thread_time() - began
        seen.delays.append(now - slot.due)
        seen.epochs += 1
        if decision is Decision.CONTINUE and slot.epoch < slot.spec.max_epochs:
            waited = slot.epoch in slot.spec.rungs
            slot.due = (max(now, slot.due) if waited else slot.due) + self.pace
            heapq.heappush(self._due, slot)
            return None
        self._free.append(now)
        over = decision is Decision.CONTINUE
        return TrialResult(
            slot.spec,
            Outcome.COMPLETE if over else Outcome.PRUNED,
            slot.best.value,
            slot.best.epoch,
            slot.epoch,
            self.pace * slot.epoch,
        )

    @property
    def empty(self) -> int:
        """Slots that have no trial now."""
        return len(self._free)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Score nothing."""
        return {}

    def close(self) -> None:
        """Hold nothing."""
