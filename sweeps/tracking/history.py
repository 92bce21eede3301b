"""What MLflow holds of studies, read back as data frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweeps.tracking import limits, runs
from sweeps.tracking.client import all_runs, connect
from sweeps.tracking.journal import STUDY

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run


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
    import pandas as pd
    from mlflow.store.tracking.dbmodels.models import SqlMetric as Row

    columns = (Row.run_uuid, Row.step, Row.key, Row.timestamp, Row.value, Row.is_nan)
    rows = []
    with store.ManagedSessionMaker() as session:
        for start in range(0, len(run_ids), MOST_AT_ONCE):
            part = run_ids[start : start + MOST_AT_ONCE]
            query = session.query(*columns).filter(Row.run_uuid.in_(part), Row.step != 0)
            rows += query.filter(Row.key.in_(metrics)).all()
    names = ["run", "epoch", "key", "timestamp", "value", "nan"]
    points = pd.DataFrame(rows, columns=names).sort_values(["timestamp", "value"])
    points.loc[points["nan"].astype(bool), "value"] = float("nan")
    points = points.drop_duplicates(["run", "epoch", "key"], keep="last")
    wide = points.set_index(["run", "epoch", "key"])["value"].unstack("key").astype(float)
    had = points.groupby("run")["key"].unique()
    parts = {run: part.droplevel("run") for run, part in wide.groupby(level="run")}
    empty = pd.DataFrame(index=pd.Index([], dtype=int, name="epoch"))
    return {
        run: parts[run][sorted(had[run])].rename_axis(columns=None) if run in parts else empty
        for run in run_ids
    }
