"""Finds, creates and fills MLflow's experiments and runs, within its limits."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.tracking import limits
from sweeps.tracking.client import all_runs, reason
from sweeps.tracking.stores import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger("sweeps.tracking")

KIND, KEY, STUDY, NUMBER, ROLE, ROOT = (
    f"sweeps.{name}" for name in ("kind", "key", "study", "number", "role", "parent")
)
PARENT, COLOUR, NOTE = "mlflow.parentRunId", "mlflow.runColor", "mlflow.note.content"
BASELINE, BEST, STOPPED, BROKEN, USUAL = "#000000", "#2ca02c", "#b3b3b3", "#d62728", "#4c8bf5"
COLOURS = {"pruned": STOPPED, "infeasible": STOPPED, "diverged": BROKEN, "failed": BROKEN}
STATUS = {
    "complete": "FINISHED",
    "pruned": "KILLED",
    "infeasible": "KILLED",
    "diverged": "FAILED",
    "failed": "FAILED",
}
OWN_COUNT = ("confirm", "probe")  # roles that are numbered separately from the search


def param(name: str) -> str:
    """Return the key of a hyperparameter, distinct from our own keys (`seed`, `outcome`)."""
    return limits.key(f"params_{name}")


def kind(role: str) -> str:
    """Return which series of numbers a role belongs to."""
    return role if role in OWN_COUNT else "trial"


def stream_name(role: str, number: int) -> str:
    """Return the name of a trial's stream."""
    return f"{kind(role)}-{number:05d}"


def colour(role: str, outcome: str, *, best: bool) -> str:
    """Return a run's colour: the best is green, the baseline black, others by outcome."""
    if best:
        return BEST
    if role == "baseline":
        return BASELINE
    return COLOURS.get(outcome, USUAL)


def study_key(name: str, instance: str) -> str:
    """Return the key that identifies a parent run."""
    return hashlib.sha1(f"{name}\0{instance}".encode(), usedforsecurity=False).hexdigest()


def refused(error: Exception) -> bool:
    """Return whether MLflow will never accept this request, however often it is sent."""
    return getattr(error, "error_code", "") == "INVALID_PARAMETER_VALUE"


def gone(error: Exception) -> bool:
    """Return whether the requested object is not in the store."""
    return getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"


def deleted(client: MlflowClient, run_id: str) -> bool:
    """Return whether a run is gone or deleted, so that it accepts no more data."""
    try:
        stage: str = client.get_run(run_id).info.lifecycle_stage
    except Exception as error:
        if gone(error) or refused(error):
            return True
        raise
    return stage != "active"


@dataclass
class Batch:
    """Data for one run, to be sent with one or more calls of `log_batch`."""

    metrics: list[tuple[str, float, int, int]] = field(
        default_factory=list
    )  # name value time step
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, metrics: Mapping[str, float], time: int, step: int) -> None:
        """Add metrics of one step; time in ms since 1970."""
        self.metrics += [(limits.key(name), value, time, step) for name, value in metrics.items()]


def experiment(client: MlflowClient, uri: str, name: str) -> str:
    """Return the ID of an experiment, which is created if missing and restored if deleted."""
    from mlflow.exceptions import MlflowException

    name = name[:500]
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            made: str = client.create_experiment(name, artifact_location=_artifacts(uri, name))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another process was first
        else:
            return made
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
        log.warning("experiment %r was deleted in MLflow, and has been restored", name)
    identity: str = found.experiment_id
    return identity


def _artifacts(uri: str, experiment: str) -> str | None:
    """Return the folder of an experiment's files: beside a SQLite file, else the server's."""
    file = sqlite_file(uri)
    if file is None:
        return None
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in experiment)[:60]
    digest = hashlib.sha1(experiment.encode(), usedforsecurity=False).hexdigest()[:6]
    # Never digits alone: MLflow would take `mlruns/<digits>` for a file store.
    folder = f"sweep-{safe}" if safe == experiment else f"sweep-{safe}-{digest}"
    return (Path(file).resolve().parent / "mlruns" / folder).as_uri()


def find(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> list[Run]:
    """Return the runs with all these tags, oldest first. No value may be a user's text."""
    query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    return all_runs(client, [experiment_id], query)


def find_or_create(
    client: MlflowClient,
    experiment_id: str,
    mark: Mapping[str, str],
    tags: Mapping[str, str],
    name: str,
    time: int,
) -> tuple[str, bool]:
    """Return the ID of the run with the tags `mark`, and whether it was created here.

    A request that is repeated because its answer was lost creates a second run: only the oldest
    run is kept.
    """
    before = find(client, experiment_id, mark)
    if not before:
        client.create_run(experiment_id, time, {**tags, **mark}, name)
    runs = find(client, experiment_id, mark)
    for extra in runs[1:]:
        client.delete_run(extra.info.run_id)
    return runs[0].info.run_id, not before


def send(client: MlflowClient, run_id: str, batch: Batch) -> None:
    """Send a batch; what MLflow will never accept is skipped with a warning."""
    from itertools import zip_longest

    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(name, value, time, step) for name, value, time, step in batch.metrics]
    params = [Param(name, value) for name, value in batch.params.items()]
    tags = [RunTag(name, value) for name, value in batch.tags.items()]
    longest = max(map(len, batch.params.values()), default=0)
    parts: Iterator[tuple[Any, ...]] = zip_longest(
        limits.chunks(metrics, limits.METRICS),
        limits.chunks(params, limits.PARAMS, longest),
        limits.chunks(tags, limits.TAGS),
        fillvalue=[],
    )
    for part in parts:
        try:
            client.log_batch(run_id, *part)
        except Exception as error:
            if not refused(error) or deleted(client, run_id):
                raise
            _one_by_one(client, run_id, *part)


def _one_by_one(
    client: MlflowClient, run_id: str, metrics: list[Any], params: list[Any], tags: list[Any]
) -> None:
    groups: list[dict[str, list[Any]]] = [{"metrics": metrics}, {"tags": tags}]
    groups += [{"params": [param]} for param in params]
    for group in groups:
        try:
            client.log_batch(run_id, **group)
        except Exception as error:
            if not refused(error):
                raise
            log.warning("MLflow refuses %s: %s", ", ".join(group), reason(error))


def points(client: MlflowClient, run_id: str) -> set[tuple[str, int]]:
    """Return the (metric, step) pairs that a run already has."""
    keys = client.get_run(run_id).data.metrics
    return {(key, m.step) for key in keys for m in client.get_metric_history(run_id, key)}


def attach(client: MlflowClient, run_id: str, target: str, file: Path) -> None:
    """Copy a file to a run as an artifact; a missing file is skipped with a warning."""
    import shutil
    import tempfile

    folder, _, name = target.replace("\\", "/").rpartition("/")
    if ".." in target.split("/") or target.startswith("/") or not name:
        log.warning("artifact path %r is not inside the run: skipped", target)
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / name
        try:
            shutil.copyfile(file, copy)
        except FileNotFoundError:
            log.warning("%s no longer exists, and is not sent to MLflow", file)
            return
        client.log_artifact(run_id, str(copy), folder or None)


def dataset(client: MlflowClient, run_id: str, data: Mapping[str, Any]) -> None:
    """Log the dataset of a run, so that MLflow's pages can show and filter it."""
    import json

    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = limits.text(data.get("source", "unknown"), 400)
    client.log_inputs(
        run_id,
        [
            DatasetInput(
                Dataset(
                    name=source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source,
                    digest=str(data.get("digest", "unknown"))[:36],
                    source_type="local",
                    source=json.dumps({"uri": source}),
                    profile=limits.text(data),
                ),
                [InputTag("mlflow.data.context", "training")],
            )
        ],
    )
