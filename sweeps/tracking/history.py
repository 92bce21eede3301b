"""What MLflow holds of studies, read back as data frames."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeps.tracking import limits, runs
from sweeps.tracking.client import all_runs, connect
from sweeps.tracking.journal import STUDY

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Study:
    """A parent run. started: ms since 1970. status: MLflow's, such as RUNNING or FINISHED."""

    name: str
    experiment: str
    run_id: str
    experiment_id: str
    status: str
    started: int
    params: Mapping[str, str]
    metrics: Mapping[str, float]


class NoSuchRun(LookupError):
    """MLflow has no such study or trial."""


def studies(uri: str) -> list[Study]:
    """Return every study of a store, the newest first."""
    return _studies(connect(uri))


MOST_AT_ONCE = 500  # runs in a query: SQLite of old takes 999 values
OURS = ("outcome", "way")  # params of a run that are no hyperparameters


def trials(uri: str, study: str, kind: str = "trial") -> pd.DataFrame:
    """Return a study's trials, a row each, by number.

    Columns: number, name, role, outcome ("" while it runs), status, run_id, then `params.NAME`
    (text) and `metrics.NAME` (final values). kind: "trial" for the search, "confirm", "probe".
    """
    import pandas as pd

    client = connect(uri)
    rows = [
        {
            "number": int(run.data.tags[runs.NUMBER]),
            "name": run.info.run_name,
            "role": run.data.tags.get(runs.ROLE, kind),
            "outcome": run.data.params.get("outcome", ""),
            "status": run.info.status,
            "run_id": run.info.run_id,
        }
        | {
            f"params.{k}": v
            for k, v in sorted(run.data.params.items())
            if k not in ("outcome", "way")
        }
        | {f"metrics.{k}": v for k, v in sorted(run.data.metrics.items())}
        for run in _children(client, find_study(client, study), kind)
    ]
    fixed = ["number", "name", "role", "outcome", "status", "run_id"]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=fixed)
    return frame.sort_values("number", ignore_index=True)


def curves(uri: str, study: str, number: int, kind: str = "trial") -> pd.DataFrame:
    """Return a trial's curves: index `epoch` from 1, a column a metric, NaN where it is missing.

    Raises NoSuchRun.
    """
    client = connect(uri)
    mark = {runs.NUMBER: str(int(number))}
    found = _children(client, find_study(client, study), kind, mark)
    if not found:
        raise NoSuchRun(f"study {study!r} has no {kind} {number} in MLflow")
    return _curves(client, found[0])


def all_curves(
    uri: str,
    study: str,
    kind: str = "trial",
    wanted: Callable[[str], bool] = lambda metric: True,
) -> dict[int, pd.DataFrame]:
    """Return the curves of all trials of a study: number -> frame as `curves` returns it.

    wanted: which metrics to read.
    """
    client = connect(uri)
    found = _children(client, find_study(client, study), kind)
    number = {run.info.run_id: int(run.data.tags[runs.NUMBER]) for run in found}
    metrics = sorted(filter(wanted, {key for run in found for key in run.data.metrics}))
    store = client._tracking_client.store
    if not hasattr(store, "ManagedSessionMaker"):  # a server, which is asked run by run
        return {number[run.info.run_id]: _curves(client, run, metrics) for run in found}
    return {number[run]: frame for run, frame in _stored(store, list(number), metrics).items()}


def _studies(client: MlflowClient) -> list[Study]:
    experiments = {e.experiment_id: e.name for e in client.search_experiments()}
    query = f"tags.`{runs.KIND}` = '{STUDY}'"
    found = [
        Study(
            name=run.data.tags.get(runs.STUDY, run.info.run_name),
            experiment=experiments[run.info.experiment_id],
            run_id=run.info.run_id,
            experiment_id=run.info.experiment_id,
            status=run.info.status,
            started=run.info.start_time,
            params=dict(run.data.params),
            metrics=dict(run.data.metrics),
        )
        for run in all_runs(client, list(experiments), query)
    ]
    return sorted(found, key=lambda study: -study.started)


def find_study(client: MlflowClient, name: str) -> Study:
    """Return the newest study of a name, which is compared here and never part of a query."""
    stored = limits.text(name, limits.TAG)
    found = _studies(client)
    for study in found:
        if study.name == stored:
            return study
    known = ", ".join(sorted({study.name for study in found})) or "none"
    raise NoSuchRun(f"MLflow has no study {name!r}; it has: {known}")


def _children(
    client: MlflowClient, study: Study, kind: str, mark: Mapping[str, str] | None = None
) -> list[Run]:
    if kind not in ("trial", *runs.OWN_COUNT):
        raise ValueError(f"kind {kind!r} is not trial, confirm or probe")
    tags = {runs.ROOT: study.run_id, runs.KIND: kind, **(mark or {})}
    return runs.find(client, study.experiment_id, tags)


def _curves(client: MlflowClient, run: Run, wanted: Sequence[str] | None = None) -> pd.DataFrame:
    import pandas as pd

    columns = {}
    for key in sorted(run.data.metrics if wanted is None else run.data.metrics.keys() & wanted):
        points = {m.step: m.value for m in client.get_metric_history(run.info.run_id, key)}
        if points.keys() - {0}:  # what has step 0 alone is a final value, not a curve
            columns[key] = pd.Series({step: points[step] for step in sorted(points) if step})
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(frame.index.astype(int), name="epoch")
    return frame.sort_index()


def _stored(store: Any, run_ids: Sequence[str], metrics: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return the curves that a database holds, by run: a query each would take 5 ms a curve."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels.models import SqlMetric

    point = SqlMetric.__table__.c
    value = sqlalchemy.case((point.is_nan, None), else_=point.value)
    query = sqlalchemy.select(point.run_uuid, point.step, point.key, value)
    query = query.where(point.step != 0, point.key.in_(metrics))
    query = query.order_by(point.timestamp, point.value)  # of two at one step the last one counts
    rows: list[Any] = []
    with store.ManagedSessionMaker() as session:
        for start in range(0, len(run_ids), MOST_AT_ONCE):
            part = run_ids[start : start + MOST_AT_ONCE]
            found = session.connection().execute(query.where(point.run_uuid.in_(part)))
            rows += found.cursor.fetchall()  # plain tuples: half a million are quick to make
    run, step, key, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    place = {one: index for index, one in enumerate(run_ids)}
    column = {one: index for index, one in enumerate(metrics)}
    owner = np.fromiter(map(place.__getitem__, run), int, len(rows))
    order = np.argsort(owner, kind="stable")
    steps = np.array(step, int)[order]
    keys = np.fromiter(map(column.__getitem__, key), int, len(rows))[order]
    points = np.array(values, float)[order]
    ends = np.searchsorted(owner[order], np.arange(len(run_ids) + 1))
    return {
        one: _frame(steps[first:end], keys[first:end], points[first:end], metrics)
        for one, (first, end) in zip(run_ids, itertools.pairwise(ends), strict=True)
    }


def _frame(
    steps: NDArray[np.int_],
    keys: NDArray[np.int_],
    values: NDArray[np.float64],
    metrics: Sequence[str],
) -> pd.DataFrame:
    """Return points as a row a step, a column a metric; of two in one place the last counts."""
    import pandas as pd

    epochs, rows = np.unique(steps, return_inverse=True)
    had, columns = np.unique(keys, return_inverse=True)
    table = np.full((len(epochs), len(had)), np.nan)
    table[rows, columns] = values
    index = pd.Index(epochs, dtype=int, name="epoch")
    return pd.DataFrame(table, index, [metrics[key] for key in had])
