from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import scripted
from scripted import Script

from objectives.training import Decision, Logs, Trainer, TrialResult, TrialSpec
from sweeps.workers import Pool, Reference


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


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arrays")
    scripted.load(None).save(folder)
    return folder


@pytest.fixture(scope="session")
def start(arrays: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pool]:
    """Start a pool of scripted trainers; the caller closes it."""
    folder = tmp_path_factory.mktemp("log")

    def started(workers: int = 1, **options: Any) -> Pool:
        options = {"trainer": scripted.TRAINER, "log": folder / "sweep.log"} | options
        pool = Pool(options.pop("reference", Reference(module="scripted")), workers, **options)
        pool.data(arrays)
        return pool

    return started


@pytest.fixture(scope="module")
def one(start: Callable[..., Pool]) -> Iterator[Pool]:
    with start(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def three(start: Callable[..., Pool]) -> Iterator[Pool]:
    with start(3) as pool:
        yield pool
