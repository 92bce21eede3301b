"""What a large study costs: `show`, `s.trials`, `report`, a proposal, and resuming it.

The store (SQLite) and MLflow's (SQLite) are the real ones, and so is the loop that fills them;
the trainer trains nothing, and plays curves of 100 epochs with seven metrics. Each command is a
process of its own: its processor time, imports included, is what is counted. A study is resumed
in a copy of its folder, for ten more trials that TPE proposes.

    python benchmarks/large_study.py [--trials 100 1000 5000] [--epochs 100] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from sweeps.study.sweep import Sampler, no_pruning, random, tpe

ROOT = Path(__file__).parents[1]
SECONDS, MEGABYTES = 5.0, 10.0  # of 1,000 trials
MOST = 1000
MORE = 10  # trials of a study that is resumed
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


def fill(trials: int, epochs: int, folder: Path, sampler: Sampler) -> list[float]:
    """Bring a study in a folder to so many trials; return the seconds of each proposal."""
    from sweeps.cli.progress import Watcher
    from sweeps.cli.work import versions
    from sweeps.study.importance import keep_importances
    from sweeps.study.parent import parent_run, repair
    from sweeps.study.session import opened
    from sweeps.study.settings import ARRAYS, Settings
    from sweeps.tracking.mlflow_tracker import MlflowTracker

    # Without pruning, every trial has every epoch.
    settings = Settings(
        trials=trials, max_epochs=epochs, folder=folder, sampler=sampler, pruner=no_pruning()
    )
    asked: list[float] = []
    with opened(SWEEP, settings, lambda *_: Player(), MlflowTracker) as session:
        ask = session.store.ask

        def timed() -> Any:
            began = time.process_time()
            found = ask()
            asked.append(time.process_time() - began)
            return found

        @functools.cache  # it is called with every trial
        def begin() -> None:
            session.tracker.start_study(parent_run(session, versions()))
            repair(session, str)

        session.store.ask = timed  # type: ignore[method-assign]
        done = len(session.store.ended())
        loop = session.loop(Watcher(trials, done, quiet=True))
        loop.begin = begin
        loop.run()
        session.data.save(session.folder / ARRAYS)  # as for workers
        keep_importances(session.store.study)  # as at a sweep's end
    return asked


def cost(arguments: list[str], folder: Path) -> tuple[float, str]:
    """Return the processor seconds of a process of Python's, and what it prints."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds, done.stdout


def resumed(trials: int, epochs: int, folder: Path) -> tuple[float, float]:
    """Return the processor seconds of ten more trials, and the milliseconds of a proposal."""
    # A copy in the same place: in another one, MLflow's artifacts would be moved first.
    aside = folder.rename(folder.with_name(f"{folder.name}.kept"))
    shutil.copytree(aside, folder)
    try:
        own = [__file__, "--trials", str(trials + MORE), "--epochs", str(epochs)]
        seconds, printed = cost([*own, "--resume", str(folder)], folder)
    finally:
        shutil.rmtree(folder)
        aside.rename(folder)
    return seconds, float(printed.split()[-1])


def measure(trials: int, epochs: int, folder: Path) -> str:
    """Return one row."""
    began = time.perf_counter()
    if not (folder / "optuna.db").exists():
        fill(trials, epochs, folder, random())  # TPE would take longer than all else
        cost([*MODULE, "sync"], folder)  # what MLflow had no time to take
    made = time.perf_counter() - began
    page = folder / "page.html"
    commands = {
        "show": [*MODULE, "show"],
        "s.trials": ["-c", TRIALS.format(n=trials)],
        "report": [*MODULE, "report", "--to", str(page)],
    }
    costs = {name: cost(arguments, folder)[0] for name, arguments in commands.items()}
    size = page.stat().st_size / 1e6
    again, ask = resumed(trials, epochs, folder)
    kept = max(costs.values()) < SECONDS and size < MEGABYTES
    verdict = "kept" if kept else "MISSED"
    return (
        f"{trials:>6}{made:>8.0f}"
        + "".join(f"{seconds:>10.1f}" for seconds in costs.values())
        + f"{size:>8.2f}{again:>10.1f}{ask:>8.0f}  {verdict if trials <= MOST else ''}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="a folder for the studies, used again if there")
    parser.add_argument("--resume", type=Path, help=argparse.SUPPRESS)  # a process of its own
    options = parser.parse_args()
    if options.resume is not None:
        asked = fill(options.trials[0], options.epochs, options.resume, tpe())
        print(1000.0 * statistics.median(asked))
        return
    print("seconds: of the clock to make a study, of the processor to read it; MB of the report;")
    print(f"seconds of the processor to resume for {MORE} trials, and ms of a proposal (median)")
    print(
        "trials    made      show  s.trials    report      MB    resume     ask  "
        f"< {SECONDS:g} s, {MEGABYTES:g} MB"
    )
    with tempfile.TemporaryDirectory() as name:
        for trials in options.trials:
            folder = (options.keep or Path(name)).resolve() / f"{trials}-{options.epochs}"
            folder.mkdir(parents=True, exist_ok=True)
            print(measure(trials, options.epochs, folder), flush=True)


if __name__ == "__main__":
    main()
