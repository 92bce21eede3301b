"""A sweep without TensorFlow: every curve is a formula of the config and the seed."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval

from objectives import Data, Objective, Part, Source
from objectives.costs import words
from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
    finite,
)
from objectives.training.progress import save_weights
from search_spaces import Space, Trial
from sweeps.study.sweep import Sweep, successive_halving


@dataclass(frozen=True)
class Toy:
    rate: Annotated[float, Interval(gt=0.0, le=10.0)] = 0.1
    width: Annotated[int, Interval(ge=1, le=64)] = 8
    schedule: bool = False
    patience: int | None = None


def suggest(trial: Trial) -> Toy:
    schedule = trial.suggest_categorical("schedule", [False, True])
    return Toy(
        rate=trial.suggest_float("rate", 1e-3, 1.0, log=True),
        width=trial.suggest_int("width", 1, 16),
        schedule=schedule,
        patience=trial.suggest_int("patience", 1, 9) if schedule else None,
    )


def params(config: Toy) -> dict[str, Any]:
    found = {"schedule": config.schedule, "rate": config.rate, "width": config.width}
    return found | ({"patience": config.patience} if config.schedule else {})


def load(source: Source) -> Data:
    rng = np.random.default_rng(0)
    parts = [Part(rng.random((n, 2), np.float32), rng.integers(0, 2, n)) for n in (8, 4, 4)]
    return Data(*parts, source=Source())


def build(config: Toy, data: Data) -> Any:
    raise AssertionError("a scripted trial builds no model")


def paced(objective: Objective[Any], data: Data) -> Scripted:
    """Return a trainer whose epochs take 5 ms, or PACE seconds: time enough to be killed in."""
    pace = float(os.environ.get("PACE", "0.005"))
    return Scripted(hook=lambda spec, epoch: time.sleep(pace))


SPACE = Space(suggest, Toy(), params, lambda config: f"{config.width} at {config.rate:.2g}")
OBJECTIVE = Objective(space=SPACE, load=load, build=build, max_epochs=20)
SWEEP = Sweep(
    name="toy",
    help="A toy.",
    objective=OBJECTIVE,
    pruner=successive_halving(first_rung=4, eta=2),
    n_trials=6,
)


def curve(spec: TrialSpec, epoch: int) -> float:
    """Fall towards a floor that the rate and the width set, with a wiggle of the seed."""
    config = spec.config
    floor = 0.1 + abs(math.log10(config.rate) + 1.5) * 0.2 + 0.3 / config.width
    wiggle = np.random.default_rng([spec.seed, epoch]).normal(0.0, 0.002)
    return floor + math.exp(-epoch * config.rate) + float(wiggle)


@dataclass
class Scripted:
    """A trainer that plays curves. `hook` may raise or change what an epoch gives."""

    places = 0
    script: Callable[[TrialSpec, int], float] = curve
    hook: Callable[[TrialSpec, int], None] = lambda spec, epoch: None
    rate: Callable[[TrialSpec, int], float] = lambda spec, epoch: spec.config.rate
    costs: Callable[[TrialSpec], dict[str, int]] = lambda spec: {"params": 10 * spec.config.width}
    curves: dict[int, list[float]] = field(default_factory=dict)

    def train(
        self, specs: Iterator[TrialSpec], on_epoch: OnEpoch
    ) -> Generator[TrialResult, None, None]:
        for spec in specs:
            result = self._one(spec, on_epoch)
            yield result
            if result.outcome is Outcome.INTERRUPTED:
                return

    def _one(self, spec: TrialSpec, on_epoch: OnEpoch) -> TrialResult:
        best, outcome, epochs, error = Best(spec.monitor), Outcome.COMPLETE, 0, None
        self.curves[spec.number] = []
        costs: dict[str, Any] = {name: self.costs(spec)[name] for name in spec.limits}
        if over := words(costs, spec.limits):
            return TrialResult(spec, Outcome.INFEASIBLE, extra={**costs, "over": over})
        for epoch in range(1, spec.max_epochs + 1):
            try:
                self.hook(spec, epoch)
            except RuntimeError as failure:
                outcome, error = Outcome.FAILED, f"Traceback\nRuntimeError: {failure}"
                break
            value = self.script(spec, epoch)
            logs = {"loss": value, "val_loss": value, "learning_rate": self.rate(spec, epoch)}
            if not finite(logs, spec.monitor):
                outcome = Outcome.DIVERGED
                break
            best.update(epoch, logs)
            epochs = epoch
            self.curves[spec.number].append(value)
            decision = on_epoch(spec, epoch, logs)
            if decision is not Decision.CONTINUE:
                stopped = decision is Decision.STOP
                outcome = Outcome.INTERRUPTED if stopped else Outcome.PRUNED
                break
        if spec.weights is not None and outcome is Outcome.COMPLETE:
            with contextlib.suppress(OSError):  # of a full disk
                save_weights(spec.weights, [np.zeros(1)])
        value = best.value if epochs else None
        seconds = 0.01 * epochs
        return TrialResult(spec, outcome, value, best.epoch, epochs, seconds, error, extra=costs)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        return {"test_loss": curve(spec, spec.max_epochs)}

    def close(self) -> None:
        return
