"""What the driver itself costs for an epoch report, at 1, 8 and 64 places.

Real worker processes train nothing: they sleep for an epoch and report seven numbers. The pool,
the loop, Optuna's store (SQLite) and MLflow's (SQLite) are the real ones. Asking for a trial and
ending it are counted apart: they come once a trial, not once an epoch. MLflow is written by a
thread of its own, which no trial waits for.

    python benchmarks/driver_cost.py [--epochs 100] [--trials-per-place 4]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from objectives import Data, Objective, Part, Source
from objectives.dense_binary import DENSE_BINARY
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
from sweeps.dense_binary import SWEEP
from sweeps.workers import Pool, Reference

# Seconds of an epoch. On 2 cores, 64 places at 20 ms already wake 3,200 times a second.
PACE = {1: 0.002, 8: 0.005, 64: 0.02}
TARGET = 0.3


class Sleeper:
    """Trains nothing, for as long as `PACE` says."""

    places = 0

    def __init__(self, objective: Objective[Any], data: Data) -> None:
        self.pace = float(os.environ["DRIVER_COST_PACE"])

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Iterator[TrialResult]:
        """Report falling losses."""
        for spec in specs:
            best, outcome = Best(spec.monitor), Outcome.COMPLETE
            start, began = float(np.random.default_rng(spec.seed).random()), time.monotonic()
            for epoch in range(1, spec.max_epochs + 1):
                time.sleep(max(0.0, began + epoch * self.pace - time.monotonic()))
                value = start + 1.0 / epoch
                logs = {"loss": value, "accuracy": 0.5, "val_loss": value, "val_accuracy": 0.5}
                logs |= {"learning_rate": 0.01, "effective_learning_rate": 0.01}
                logs["epoch_seconds"] = self.pace
                best.update(epoch, logs)
                if on_epoch(spec, epoch, logs) is not Decision.CONTINUE:
                    outcome = Outcome.PRUNED
                    break
            yield TrialResult(spec, outcome, best.value, best.epoch, epoch)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Score nothing."""
        return {}

    def close(self) -> None:
        """Hold nothing."""


class Meter:
    """Passes a training through and notes what asking, reporting and ending cost the driver."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer, self.places = trainer, trainer.places
        self.epochs = self.trials = 0
        self.asking = self.ending = self.whole = self.seconds = 0.0

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Iterator[TrialResult]:
        """Train, and measure this thread's processor time."""

        def asked() -> Iterator[TrialSpec]:
            while True:
                began = time.thread_time()
                spec = next(specs, None)
                self.asking += time.thread_time() - began
                if spec is None:
                    return
                yield spec

        def reported(spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
            self.epochs += 1
            return on_epoch(spec, epoch, logs)

        began, self.seconds = time.thread_time(), -time.perf_counter()
        for result in self.trainer.train(asked(), reported):
            self.trials += 1
            told = time.thread_time()
            yield result
            self.ending += time.thread_time() - told
        self.whole = time.thread_time() - began
        self.seconds += time.perf_counter()

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Score nothing."""
        return {}

    def close(self) -> None:
        """Leave the trainer to its owner."""

    @property
    def reporting(self) -> float:
        """Milliseconds of the driver's thread for one epoch report, waiting for it included."""
        return 1e3 * (self.whole - self.asking - self.ending) / self.epochs


def tiny() -> Data:
    """Return data that nothing reads."""
    part = Part(np.zeros((2, 64), np.float32), np.zeros(2, np.float32))
    return Data(part, part, part, source=Source())


def alone(meter: Meter, trials: int, epochs: int, folder: Path) -> None:
    """Drive the pool with an `on_epoch` that does nothing."""
    specs = (
        TrialSpec(n, DENSE_BINARY.space.baseline, n, epochs, rungs=(8, 16, 32, 64))
        for n in range(trials)
    )
    for _ in meter.train(specs, lambda *_: Decision.CONTINUE):
        pass


def study(track: bool) -> Callable[[Meter, int, int, Path], None]:
    """Return what drives the pool by the loop, with MLflow or without."""

    def drive(meter: Meter, trials: int, epochs: int, folder: Path) -> None:
        from sweeps.cli.progress import Watcher
        from sweeps.study.parent import parent_run
        from sweeps.study.session import opened
        from sweeps.study.settings import Settings
        from sweeps.study.sweep import no_pruning, random
        from sweeps.tracking import NoTracker
        from sweeps.tracking.mlflow_tracker import MlflowTracker

        # Without pruning every trial has as many epochs; rungs are judged all the same.
        settings = Settings(
            trials=trials, max_epochs=epochs, folder=folder, sampler=random(), pruner=no_pruning()
        )
        with opened(
            SWEEP,
            settings,
            lambda *_: meter,
            MlflowTracker if track else lambda *_: NoTracker(),
            tiny(),
        ) as session:
            loop = session.loop(Watcher(trials, 0, quiet=True))
            loop.rungs = (8, 16, 32, 64)
            loop.begin = lambda: session.tracker.start_study(parent_run(session, {}))
            loop.run()

    return drive


KINDS = {"pool alone": alone, "pool, loop, Optuna": study(False), "and MLflow": study(True)}


def measure(places: int, kind: str, trials: int, epochs: int) -> str:
    """Return one row."""
    os.environ["DRIVER_COST_PACE"] = str(PACE[places])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        tiny().save(folder / "data")
        trainer = f"{Path(__file__).resolve()}:Sleeper"
        reference = Reference(module="sweeps.dense_binary")
        with Pool(reference, places, trainer=trainer, log=folder / "log") as pool:
            pool.data(folder / "data")
            warm = (TrialSpec(n, DENSE_BINARY.space.baseline, n, 20) for n in range(places * 2))
            list(pool.train(warm, lambda *_: Decision.CONTINUE))
            meter = Meter(pool)
            others = time.thread_time() - time.process_time()
            KINDS[kind](meter, trials, epochs, folder)
            others += time.process_time() - time.thread_time()
    return (
        f"{places:>6}  {kind:<19} {meter.epochs:>6} {meter.epochs / meter.seconds:>9.0f} "
        f"{meter.reporting:>9.3f} {1e3 * meter.asking / meter.trials:>6.1f} "
        f"{1e3 * meter.ending / meter.trials:>6.1f} {1e3 * others / meter.epochs:>9.3f}  "
        f"{'kept' if meter.reporting <= TARGET else 'MISSED'}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--trials-per-place", type=int, default=4)
    options = parser.parse_args()
    print("milliseconds of the driver's processor time")
    print(
        "places  what                epochs  epochs/s  a report    ask    end  threads  "
        f"<= {TARGET} a report"
    )
    for places in PACE:
        trials = max(places * options.trials_per_place, 16)
        for kind in KINDS:
            print(measure(places, kind, trials, options.epochs), flush=True)


if __name__ == "__main__":
    main()
