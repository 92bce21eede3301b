"""What reading a large study costs: `show`, `s.trials` and `report`, of 100 and 1,000 trials.

The store (SQLite) and MLflow's (SQLite) are the real ones, and so is the loop that fills them;
the trainer trains nothing, and plays curves of 100 epochs with seven metrics. Each command is a
process of its own: its processor time, imports included, is what is counted.

    python benchmarks/large_study.py [--trials 100 1000] [--epochs 100] [--keep FOLDER]

`--trials 5000` makes the largest one, which takes some minutes.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
)
from sweeps.dense_binary import SWEEP

ROOT = Path(__file__).parents[1]
SECONDS, MEGABYTES = 5.0, 10.0  # of 1,000 trials
MOST = 1000
MODULE = ["-m", "sweeps.dense_binary"]
TRIALS = (
    "import sweeps; from sweeps.dense_binary import SWEEP; "
    "assert len(sweeps.load(SWEEP).trials) == {n}"
)


class Player:
    """Plays falling losses, whose floor the width and the learning rate set."""

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Iterator[TrialResult]:
        """Report every epoch of every trial."""
        for spec in specs:
            best, outcome, epoch = Best(spec.monitor), Outcome.COMPLETE, 0
            rate = spec.config.optimizer.learning_rate
            floor = 0.1 + 0.1 * abs(math.log10(rate) + 2.0) + 1.0 / spec.config.width
            noise = np.random.default_rng(spec.seed).normal(0.0, 0.004, spec.max_epochs)
            for epoch in range(1, spec.max_epochs + 1):
                value = floor + 0.6 * math.exp(-epoch / 12.0) + float(noise[epoch - 1])
                logs = {"loss": 0.9 * value, "val_loss": value, "learning_rate": rate}
                logs |= {"accuracy": 1.0 - value / 2.0, "val_accuracy": 1.0 - value / 1.9}
                logs |= {"effective_learning_rate": rate, "epoch_seconds": 0.01}
                best.update(epoch, logs)
                if on_epoch(spec, epoch, logs) is not Decision.CONTINUE:
                    outcome = Outcome.PRUNED
                    break
            yield TrialResult(spec, outcome, best.value, best.epoch, epoch, 0.01 * epoch)

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Score nothing."""
        return {}

    def close(self) -> None:
        """Hold nothing."""


def fill(trials: int, epochs: int, folder: Path) -> None:
    """Make a study of so many trials in a folder."""
    from sweeps.cli.progress import Watcher
    from sweeps.study.parent import parent_run
    from sweeps.study.session import opened
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import no_pruning, random
    from sweeps.tracking.mlflow_tracker import MlflowTracker

    # Without pruning, every trial has every epoch; TPE would take longer than all else.
    settings = Settings(
        trials=trials, max_epochs=epochs, folder=folder, sampler=random(), pruner=no_pruning()
    )
    with opened(SWEEP, settings, lambda *_: Player(), MlflowTracker) as session:
        loop = session.loop(Watcher(trials, 0, quiet=True))
        loop.begin = lambda: session.tracker.start_study(parent_run(session, {}))
        loop.run()


def cost(arguments: list[str], folder: Path) -> float:
    """Return the processor seconds of a process of Python's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(trials: int, epochs: int, folder: Path) -> str:
    """Return one row."""
    began = time.perf_counter()
    if not (folder / "optuna.db").exists():
        fill(trials, epochs, folder)
        cost([*MODULE, "sync"], folder)  # what MLflow had no time to take
    made = time.perf_counter() - began
    page = folder / "page.html"
    costs = {
        "show": cost([*MODULE, "show"], folder),
        "s.trials": cost(["-c", TRIALS.format(n=trials)], folder),
        "report": cost([*MODULE, "report", "--to", str(page)], folder),
    }
    size = page.stat().st_size / 1e6
    kept = max(costs.values()) < SECONDS and size < MEGABYTES
    verdict = "kept" if kept else "MISSED"
    return (
        f"{trials:>6}{made:>10.0f}"
        + "".join(f"{seconds:>10.1f}" for seconds in costs.values())
        + f"{size:>10.2f}  {verdict if trials <= MOST else ''}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="a folder for the studies, used again if there")
    options = parser.parse_args()
    print("seconds: of the clock to make a study, of the processor to read it; MB of the report")
    print(
        "trials      made      show  s.trials    report        MB  "
        f"< {SECONDS:g} s, {MEGABYTES:g} MB"
    )
    with tempfile.TemporaryDirectory() as name:
        for trials in options.trials:
            folder = (options.keep or Path(name)).resolve() / f"{trials}-{options.epochs}"
            folder.mkdir(parents=True, exist_ok=True)
            print(measure(trials, options.epochs, folder), flush=True)


if __name__ == "__main__":
    main()
