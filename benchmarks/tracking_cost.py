"""What tracking costs: a call in the sweep's thread, and the delivery of a whole study.

python benchmarks/tracking_cost.py [--trials 100] [--epochs 100]

Writes into a new SQLite store in a temporary folder; 7 metrics per epoch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from sweeps.tracking import StudyRun, TrialRun
from sweeps.tracking.client import connect
from sweeps.tracking.history import all_curves
from sweeps.tracking.mlflow_tracker import MlflowTracker

METRICS = (
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "effective_learning_rate",
)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        uri = f"sqlite:///{scratch}/mlflow.db"
        connect(uri)  # the schema is made and MLflow imported before anything is measured
        tracker = MlflowTracker(uri, Path(scratch) / "study")
        began = time.perf_counter()
        tracker.start_study(StudyRun("bench", "bench", {}, {}, "val_loss", True, ("width",)))
        calls = tell(tracker, options.trials, options.epochs)
        tracker.end_study({"best_val_loss": 0.1})
        told = time.perf_counter()
        left = tracker.close(600)
        done = time.perf_counter()
        curves = all_curves(uri, "bench")
        end = time.perf_counter()
    calls.sort()
    points = sum(frame.size for frame in curves.values())
    shown = ", ".join(f"{name} {calls[int(len(calls) * q)] * 1e6:.1f}" for name, q in QUANTILES)
    print(f"one epoch() in microseconds: {shown} ({len(calls)} calls)")
    print(f"all calls {told - began:.2f} s, delivered after {done - began:.1f} s, {left} left")
    print(f"{points} points of {len(curves)} trials read in {end - done:.2f} s")


QUANTILES = (("median", 0.5), ("90%", 0.9), ("99%", 0.99))


def tell(tracker: MlflowTracker, count: int, epochs: int) -> list[float]:
    """Tell the trials as fast as can be; return the seconds of every epoch's call."""
    calls = []
    for number in range(count):
        params = {"width": 8 + number, "depth": 2, "learning_rate": 0.01, "plateau": "off"}
        tracker.start_trial(TrialRun(number, f"{number:03d}", params, number))
        for epoch in range(1, epochs + 1):
            logs = {name: (number + 1) / epoch + k for k, name in enumerate(METRICS)}
            logs["epoch_seconds"] = 0.02
            start = time.perf_counter()
            tracker.epoch(number, epoch, logs)
            calls.append(time.perf_counter() - start)
        finals = {"trial_best_val_loss": 1 / epochs, "best_epoch": epochs, "epochs": epochs}
        tracker.end_trial(number, "complete", finals)
    return calls


if __name__ == "__main__":
    main()
