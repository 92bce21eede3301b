"""The run of a study itself: its data, its page, its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.tracking import limits, runs, shown, view
from sweeps.tracking.client import reason
from sweeps.tracking.runs import Batch

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger("sweeps.tracking")

_FILE_TRIES = 3


def start_study(
    client: MlflowClient, experiment: str, parent: str, item: Mapping[str, Any]
) -> None:
    """Write the parent's data. MLflow's params cannot change, so newer values become tags."""
    known = client.get_run(parent).data.params
    values = {f"data.{k}": v for k, v in limits.flat(item["data"]).items()}
    params = _params(limits.flat(item["params"]) | values)
    changed = {f"sweeps.now.{k}": v for k, v in params.items() if known.get(k, v) != v}
    tags = {limits.key(k): limits.text(v, limits.TAG) for k, v in item["tags"].items()}
    tags |= {k[: limits.KEY]: v[: limits.TAG] for k, v in changed.items()}
    fresh = {k: v for k, v in params.items() if k not in known}
    runs.send(client, parent, Batch(params=fresh, tags=tags))
    client.update_run(parent, status="RUNNING")
    if not known and item["data"]:
        runs.dataset(client, parent, item["data"])
    client.set_experiment_tag(experiment, *view.tag(parent, item))
    client.set_experiment_tag(experiment, *shown.KIND)


def end_study(
    client: MlflowClient, parent: str, item: Mapping[str, Any], folder: Path, refusals: list[str]
) -> None:
    """End the study's run. folder: that its files are told relative to. refusals: of files."""
    batch = Batch()
    batch.add(item["metrics"], item["time"], 0)
    if item["summary"]:
        batch.tags[runs.NOTE] = limits.note(item["summary"])
    runs.send(client, parent, batch)
    client.set_terminated(parent, "FINISHED", item["time"])
    for target, file in item["files"].items():
        _attach(client, parent, target, folder.resolve() / file, refusals)


def _attach(
    client: MlflowClient, parent: str, target: str, file: Path, refusals: list[str]
) -> None:
    """Send a file; after several failures, skip it: the rest must not wait for it."""
    try:
        runs.attach(client, parent, target, file)
    except Exception as error:
        refusals.append(target)
        if len(refusals) < _FILE_TRIES:
            raise
        log.warning("MLflow does not accept %s: %s", file, reason(error))


def _params(values: Mapping[str, Any]) -> dict[str, str]:
    return {limits.key(name): limits.text(value) for name, value in values.items()}
