"""Curves whose cause is planted: a formula of the config says what limits and what delays them."""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from objectives import Objective
from objectives.training import TrialSpec
from search_spaces import Space
from search_spaces.optimizer import Optimizer
from search_spaces.plateau import Plateau
from sweeps.explain.changes import Reference
from sweeps.explain.experiment import explain
from sweeps.explain.explanation import Explanation
from sweeps.study.specs import Specs
from sweeps.tracking import NoTracker, StudyRun, Tracker
from tests.scripted import Scripted, build, load

Curve = Callable[[TrialSpec, int], float]


@dataclass(frozen=True)
class Net:
    width: int = 16
    depth: int = 2
    optimizer: Optimizer = field(default_factory=lambda: Optimizer(learning_rate=0.01))
    plateau: Plateau | None = None


def flat(config: Net) -> dict[str, Any]:
    return {
        "width": config.width,
        "depth": config.depth,
        "learning_rate": config.optimizer.learning_rate,
        "optimizer": config.optimizer.kind,
        "plateau": "off" if config.plateau is None else "on",
    }


SPACE = Space(lambda trial: Net(), Net(), flat, lambda config: f"{config.width}x{config.depth}")
OBJECTIVE: Objective[Net] = Objective(space=SPACE, load=load, build=build, max_epochs=60)
PARENT = StudyRun("toy", "toy-explain-baseline", {}, {}, "val_loss", lowest=True)


@functools.cache
def normals(seed: int) -> list[float]:
    """Return standard normal draws: one for the whole curve, then one per epoch."""
    found: list[float] = np.random.default_rng(seed).normal(size=500).tolist()
    return found


def reference(config: Net | None = None, **changed: Any) -> Reference:
    given = {"seed": 1, "max_epochs": 60, "rows": 700, "batch": 100, "data": "toy"} | changed
    return Reference("baseline", config or Net(), **given)


def falling(
    floor: Callable[[TrialSpec], float],
    tau: Callable[[TrialSpec], float] = lambda spec: 6.0,
    spread: float = 0.001,
    start: float = 0.69,
) -> Curve:
    """Fall from `start` to a floor; a seed shifts the whole curve, its epochs only a little."""

    def value(spec: TrialSpec, epoch: int) -> float:
        own = normals(spec.seed + zlib.crc32(repr(spec.config).encode()))[0]
        low = floor(spec) + spread * (2.0 * normals(spec.seed)[0] + 0.5 * own)
        wiggle = 0.2 * spread * normals(spec.seed)[epoch]
        return low + (start - low) * math.exp(-epoch / tau(spec)) + wiggle

    return value


def waiting(steps: Callable[[TrialSpec], float], low: float = 0.01) -> Curve:
    """Stay near ln 2 for a number of steps, then fall within a third of that; 7 steps an epoch."""

    def value(spec: TrialSpec, epoch: int) -> float:
        middle = steps(spec) * (1.0 + 0.02 * normals(spec.seed)[0])
        return low + 0.68 / (1.0 + math.exp(min(50.0, (7.0 * epoch - middle) / (middle / 9.0))))

    return value


def explained(
    script: Curve,
    folder: Path,
    asked: Reference | None = None,
    tracker: Tracker | None = None,
    trainer: Scripted | None = None,
    **options: Any,
) -> Explanation:
    played, asked = trainer or Scripted(), asked or reference()
    played.script = script
    played.rate = lambda spec, epoch: spec.config.optimizer.learning_rate
    return explain(
        OBJECTIVE,
        asked,
        played,
        tracker or NoTracker(),
        folder,
        parent=PARENT,
        **{"specs": Specs(asked.max_epochs, asked.monitor), **options},
    )
