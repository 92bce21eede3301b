"""Reads a study's curves back from MLflow."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
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

MOST_AT_ONCE = 500  # runs per query: old versions of SQLite accept 999 values


class NoSuchRun(LookupError):
    """MLflow has no such study or trial."""


def curves(uri: str, study: str, number: int) -> pd.DataFrame:
    """Return the curves of one trial, as `all_curves` does. Raises NoSuchRun."""
    client = connect(uri)
    found = _trials(client, study, {runs.NUMBER: str(int(number))})
    if not found:
        raise NoSuchRun(f"study {study!r} has no trial {number} in MLflow")
    return _curves(client, found[0])


def all_curves(
    uri: str, study: str, wanted: Callable[[str], bool] = lambda metric: True
) -> dict[int, pd.DataFrame]:
    """Return the curves of all trials of a study.

    Args:
        uri: MLflow's tracking URI.
        study: The study's name.
        wanted: Returns whether to read the metric of a name.

    Returns:
        For each trial number a frame with the index `epoch` from 1, and one column per metric,
        with NaN where a value is missing.

    Raises:
        NoSuchRun: MLflow has no study of this name.
    """
    client = connect(uri)
    store = client._tracking_client.store
    if hasattr(store, "ManagedSessionMaker"):
        number = _numbers(store, find_study(client, study).info.run_id)
        return {number[run]: frame for run, frame in _stored(store, list(number), wanted).items()}
    found = _trials(client, study, {})  # a server is asked for one run after another
    metrics = sorted(filter(wanted, {key for run in found for key in run.data.metrics}))
    return {int(run.data.tags[runs.NUMBER]): _curves(client, run, metrics) for run in found}


def find_study(client: MlflowClient, name: str) -> Run:
    """Return the parent run of the newest study of this name. Raises NoSuchRun."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    parents = all_runs(client, experiments, f"tags.`{runs.KIND}` = '{STUDY}'")
    # Names are compared here, so that no user's text is part of a query.
    named = [(run.data.tags.get(runs.STUDY, run.info.run_name), run) for run in parents]
    found = [run for known, run in named if known == limits.text(name, limits.TAG)]
    if not found:
        known = ", ".join(sorted({known for known, _ in named})) or "none"
        raise NoSuchRun(f"MLflow has no study {name!r}; it has: {known}")
    return max(found, key=lambda run: run.info.start_time)


def _trials(client: MlflowClient, study: str, tags: Mapping[str, str]) -> list[Run]:
    parent = find_study(client, study).info
    tags = {runs.ROOT: parent.run_id, runs.KIND: "trial", **tags}
    return runs.find(client, parent.experiment_id, tags)


def _curves(client: MlflowClient, run: Run, wanted: Sequence[str] | None = None) -> pd.DataFrame:
    import pandas as pd

    columns = {}
    for key in sorted(run.data.metrics if wanted is None else run.data.metrics.keys() & wanted):
        points = {m.step: m.value for m in client.get_metric_history(run.info.run_id, key)}
        if points.keys() - {0}:  # a metric with step 0 alone is a final value
            columns[key] = pd.Series({step: points[step] for step in sorted(points) if step})
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(frame.index.astype(int), name="epoch")
    return frame.sort_index()


def _numbers(store: Any, parent: str) -> dict[str, int]:
    """Return the trials' numbers by run, oldest first: as `_trials`, but of their tags alone."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag

    run = SqlRun.__table__.c
    query = sqlalchemy.select(run.run_uuid).where(run.lifecycle_stage == "active")
    for name, value in ((runs.ROOT, parent), (runs.KIND, "trial"), (runs.NUMBER, None)):
        table = SqlTag.__table__.alias(name)
        tag = table.c
        query = query.join(table, (tag.run_uuid == run.run_uuid) & (tag.key == name))
        query = query.where(tag.value == value) if value else query.add_columns(tag.value)
    with store.ManagedSessionMaker() as session:
        found = session.execute(query.order_by(run.start_time, run.run_uuid)).all()
    return {run_id: int(number) for run_id, number in found}


def _stored(
    store: Any, run_ids: Sequence[str], wanted: Callable[[str], bool]
) -> dict[str, pd.DataFrame]:
    """Return the curves in a database, by run: one query per curve would take 5 ms each."""
    import sqlalchemy
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric

    point, latest = SqlMetric.__table__.c, SqlLatestMetric.__table__.c
    parts = [
        run_ids[start : start + MOST_AT_ONCE] for start in range(0, len(run_ids), MOST_AT_ONCE)
    ]
    value = sqlalchemy.case((point.is_nan, None), else_=point.value)
    query = sqlalchemy.select(point.run_uuid, point.step, point.key, value)
    query = query.order_by(point.timestamp, point.value)  # of two at one step, the last counts
    keys_of = sqlalchemy.select(latest.key).distinct()
    rows: list[Any] = []
    with store.ManagedSessionMaker() as session:
        known = [session.scalars(keys_of.where(latest.run_uuid.in_(part))) for part in parts]
        metrics = sorted(filter(wanted, set(itertools.chain(*known))))
        query = query.where(point.step != 0, point.key.in_(metrics))
        for part in parts:
            found = session.connection().execute(query.where(point.run_uuid.in_(part)))
            rows += found.cursor.fetchall()  # plain tuples, since there may be half a million
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
    """Return points as one row per step and one column per metric; the last of twins counts."""
    import pandas as pd

    epochs, rows = np.unique(steps, return_inverse=True)
    had, columns = np.unique(keys, return_inverse=True)
    table = np.full((len(epochs), len(had)), np.nan)
    table[rows, columns] = values
    index = pd.Index(epochs, dtype=int, name="epoch")
    return pd.DataFrame(table, index, [metrics[key] for key in had])
