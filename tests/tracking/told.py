"""Scripted studies for the tests of tracking: what is told, and what must be found."""

from collections import Counter
from pathlib import Path

from mlflow import MlflowClient

from sweeps.tracking import StudyRun, TrialRun
from sweeps.tracking.client import all_runs
from sweeps.tracking.mlflow_tracker import MlflowTracker

COLUMNS = ("width", "learning_rate", "plateau")


def study(name: str = "toy", **changes) -> StudyRun:
    told = {
        "experiment": "toys",
        "name": name,
        "params": {"seed": 0, "max_epochs": 8, "space.width": "8..64"},
        "data": {"source": "embedded", "digest": "ab" * 20, "shape": [100, 4]},
        "monitor": "val_loss",
        "lowest": True,
        "columns": COLUMNS,
        "axes": COLUMNS[:2],
    }
    return StudyRun(**{**told, **changes})


def trial(number: int, role: str | None = None, **params) -> TrialRun:
    role = role or ("trial" if number else "baseline")
    told = {"width": 8 * (1 + number), "learning_rate": 0.01, "plateau": "off"}
    return TrialRun(number, f"{number:03d} {role}", {**told, **params}, 7 + number, role)


def logs(number: int, epoch: int) -> dict[str, float]:
    """An epoch's metrics; no two values of a study are equal."""
    value = (1 + number) / epoch + number * 1e-6
    return {"loss": value, "val_loss": value + 0.5, "learning_rate": 0.01 / epoch}


def finals(number: int, epochs: int) -> dict[str, float]:
    best = logs(number, epochs)["val_loss"] if epochs else float("nan")
    return {
        "trial_best_val_loss": best,
        "best_epoch": float(epochs),
        "epochs": float(epochs),
        "lr_drops": 0.0,
    }


def tell(tracker: MlflowTracker, number: int, epochs: int = 3, outcome: str = "complete") -> None:
    """Tell a whole trial."""
    tracker.start_trial(trial(number))
    for epoch in range(1, epochs + 1):
        tracker.epoch(number, epoch, logs(number, epoch))
    tracker.end_trial(number, outcome, finals(number, epochs))


def by_hand(uri: str, folder: Path) -> MlflowTracker:
    """A tracker without its thread: `tracker.delivery.deliver_all()` delivers."""
    tracker = MlflowTracker(uri, folder)
    tracker.courier.start = lambda: None
    return tracker


class Found:
    """What a store holds of one study, read through MLflow's client alone."""

    def __init__(self, client: MlflowClient, name: str = "toy", experiment: str = "toys") -> None:
        self.client = client
        found = client.get_experiment_by_name(experiment)
        runs = all_runs(client, [found.experiment_id], "") if found else []
        self.experiment = found
        self.parents = [run for run in runs if run.data.tags.get("sweeps.study") == name]
        parents = {run.info.run_id for run in self.parents}
        self.children = {}
        self.twins = Counter()
        for run in runs:
            if run.data.tags.get("mlflow.parentRunId") in parents:
                number = int(run.data.tags["sweeps.number"])
                self.children[number] = run
                self.twins[number] += 1

    @property
    def parent(self):
        (run,) = self.parents
        return run

    def points(self, number: int) -> Counter:
        """Count of every (metric, step, value) that a child has."""
        run = self.children[number]
        return Counter(
            (key, point.step, point.value)
            for key in run.data.metrics
            for point in self.client.get_metric_history(run.info.run_id, key)
        )

    def epochs(self, number: int, metric: str = "val_loss") -> list[int]:
        return sorted(step for key, step, _ in self.points(number).elements() if key == metric)


def expected(number: int, epochs: int, *, ended: bool = True) -> Counter:
    """What `Found.points` must be of a trial told by `tell`."""
    points = [(k, e, v) for e in range(1, epochs + 1) for k, v in logs(number, e).items()]
    if ended:
        points += [(k, 0, v) for k, v in finals(number, epochs).items() if v == v]
    return Counter(points)
