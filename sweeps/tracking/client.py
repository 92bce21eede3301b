"""The only way to MLflow: quiet, without telemetry, and with every wait bounded."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.tracking.making import make
from sweeps.tracking.stores import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger("sweeps.tracking")

# What the user set stands. Two tries of 10 s at most: pauses between them are the courier's.
DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0.5",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "PGCONNECT_TIMEOUT": "10",
}
CHATTER = ("mlflow", "alembic", "sqlalchemy", "urllib3", "huey")
_LOCK_SECONDS = 25.0


def quiet() -> None:
    """Keep MLflow off the terminal: its records go to the root logger's handlers, if any."""
    for name in CHATTER:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if type(handler) is logging.StreamHandler:
                logger.removeHandler(handler)
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())  # else Python's last resort is stderr
        logger.propagate = True


def connect(uri: str) -> MlflowClient:
    """Return a client of the store, its schema made if it is missing.

    Raises whatever the store raises where it cannot be reached, after 30 s at most: MLflow by
    itself would try a database again for an hour.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    quiet()
    from mlflow import MlflowClient

    quiet()
    file = sqlite_file(uri)
    with _alone(file):
        if file is not None:
            make(file)
        _probe(uri)
        client = MlflowClient(uri, registry_uri=uri)
        client.search_experiments(max_results=1)  # opens the store, which makes the schema
    quiet()  # Alembic brings handlers of its own
    return client


@contextlib.contextmanager
def _alone(file: Path | None) -> Iterator[None]:
    """Let one process at a time open a SQLite store: two that make its schema break it."""
    import filelock

    if file is None:
        yield
        return
    lock = filelock.FileLock(file.with_name(f"{file.name}.lock"), timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except OSError as error:  # filelock.Timeout is one: whoever holds it that long is stuck
        if not file.exists() or isinstance(error, filelock.Timeout):
            raise
    try:
        yield
    finally:
        lock.release()


def _probe(uri: str) -> None:
    """Raise where a database cannot be opened."""
    import sqlalchemy

    if uri.partition(":")[0].lower() in ("http", "https", "file") or ":" not in uri:
        return
    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))
    finally:
        engine.dispose()


def all_runs(
    client: MlflowClient, experiments: list[str], query: str, *, deleted: bool = False
) -> list[Run]:
    """Return every run that a filter finds, oldest first.

    Filters are made of our own words, numbers and MLflow's ids alone: no name that a user gave
    is ever part of one.
    """
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            experiments, query, view, 1000, ["attributes.start_time ASC"], token
        )
        found += page
        token = page.token
        if not token:
            return found
