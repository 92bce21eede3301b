"""A sweep and a trainer without TensorFlow: curves, pauses and deaths are in the config."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from objectives import BadInput, Data, Objective, Part
from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    Trainer,
    TrialResult,
    TrialSpec,
)
from search_spaces import Space
from sweeps import Sweep

FAULTS: dict[str, BaseException] = {
    "raise": ZeroDivisionError("scripted"),
    "exit": SystemExit(3),
    "bad": BadInput("no such weights"),
}
TRAINER = "tests.workers.scripts:Scripted"
DECIDED = {Decision.PRUNE: Outcome.PRUNED, Decision.STOP: Outcome.INTERRUPTED}


@dataclass(frozen=True)
class Script:
    """die: the epoch before which the worker kills itself, `deaths` times, counted in `folder`."""

    pause: float = 0.0
    die: int = 0
    deaths: int = 1
    signal: int = signal.SIGKILL
    folder: str = ""
    fault: str = ""  # one of FAULTS
    pinned: object = None
    width: int = 1
    rate: float = 0.1


def loss(spec: TrialSpec, epoch: int) -> float:
    """A curve that depends on the spec alone."""
    return float(np.random.default_rng([spec.seed, epoch]).random()) + 1.0 / epoch


class Scripted:
    """Trains nothing."""

    places = 0

    def __init__(self, objective: Objective[Any], data: Data) -> None:
        if len(data.train) != 2:
            raise BadInput(f"{len(data.train)} rows: this trainer wants 2")
        self.stopped = False

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Iterator[TrialResult]:
        for spec in specs:
            result = self._train(spec, on_epoch)
            yield result
            if self.stopped:
                return

    def _train(self, spec: TrialSpec, on_epoch: OnEpoch) -> TrialResult:
        script: Script = spec.config
        best, outcome, epochs = Best(spec.monitor), Outcome.COMPLETE, 0
        if script.fault in FAULTS:
            raise FAULTS[script.fault]
        for epoch in range(1, spec.max_epochs + 1):
            self._die(script, spec, epoch)
            time.sleep(script.pause)
            logs: Logs = {"val_loss": loss(spec, epoch), "learning_rate": 0.1}
            best.update(epoch, logs)
            decision = on_epoch(spec, epoch, logs)
            epochs = epoch
            self.stopped = decision is Decision.STOP
            if decision in DECIDED:
                outcome = DECIDED[decision]
                break
        if outcome is Outcome.COMPLETE and spec.weights is not None:
            spec.weights.touch()
        extra = {"pid": os.getpid(), "structure": str(script.width)}
        return TrialResult(spec, outcome, best.value, best.epoch, epochs, extra=extra)

    def _die(self, script: Script, spec: TrialSpec, epoch: int) -> None:
        if epoch != script.die:
            return
        marks = list(Path(script.folder).glob(f"{spec.number}-*"))
        if len(marks) < script.deaths:
            (Path(script.folder) / f"{spec.number}-{len(marks)}").touch()
            os.kill(os.getpid(), script.signal)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        if spec.config.fault in FAULTS:
            raise FAULTS[spec.config.fault]
        self._die(spec.config, spec, 1)
        return {"test_loss": float(spec.seed), "pid": float(os.getpid())}

    def close(self) -> None:
        pass


class Averaging(Scripted):
    """Averages too: it says what it was given."""

    def average(self, nets: Sequence[TrialResult], folder: Path, **given: Any) -> dict[str, Any]:
        fault = nets[0].spec.config.fault
        if fault in FAULTS:
            raise FAULTS[fault]
        numbers = [net.spec.number for net in nets]
        return {"numbers": numbers, "folder": folder, "pid": os.getpid(), **given}


def part() -> Part:
    return Part(np.zeros((2, 1), np.float32), np.zeros(2, np.float32))


def load(source: Any) -> Data:
    return Data(part(), part(), part())


def build(config: Script, data: Data) -> Any:
    raise NotImplementedError


OBJECTIVE = Objective(space=Space(lambda trial: Script(), Script()), load=load, build=build)
SWEEP = Sweep("scripted", OBJECTIVE)


class Driver:
    """Drives a trainer and notes all that it sees, in order."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.events: list[tuple[str, int, int]] = []  # ask, epoch or tell; number; epoch
        self.losses: dict[tuple[int, int], float] = {}
        self.decide: Callable[[TrialSpec, int], Decision] = lambda spec, epoch: Decision.CONTINUE

    def specs(self, scripts: list[Script], **options: Any) -> Iterator[TrialSpec]:
        for number, script in enumerate(scripts):
            self.events.append(("ask", number, 0))
            yield make_spec(number, script, **options)

    def on_epoch(self, spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        self.events.append(("epoch", spec.number, epoch))
        self.losses[spec.number, epoch] = logs["val_loss"]
        return self.decide(spec, epoch)

    def results(self, scripts: list[Script], **options: Any) -> Iterator[TrialResult]:
        for result in self.trainer.train(self.specs(scripts, **options), self.on_epoch):
            self.events.append(("tell", result.spec.number, result.epochs))
            yield result

    def train(self, scripts: list[Script], **options: Any) -> dict[int, TrialResult]:
        return {result.spec.number: result for result in self.results(scripts, **options)}

    def epochs(self, number: int) -> list[int]:
        return [epoch for name, n, epoch in self.events if name == "epoch" and n == number]


def make_spec(number: int, script: Script, **options: Any) -> TrialSpec:
    return TrialSpec(number, script, **{"seed": number, "max_epochs": 6, **options})
