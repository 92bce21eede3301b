"""Opens MLflow's client: without output or telemetry, and with a limit on every wait."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from sweeps.tracking.making import make
from sweeps.tracking.redact import redact, remember
from sweeps.tracking.stores import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

log = logging.getLogger("sweeps.tracking")

# Variables that the user has set are kept. At most two attempts of 10 s: the courier retries.
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
WEB = ("http://", "https://")
USER, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
ANSWERS = {  # of a server, or of what stands before it
    "401": f"it accepts no such user or token ({USER} and {PASSWORD}, or MLFLOW_TRACKING_TOKEN)",
    "403": "its user may not do that",
    "404": "there is no MLflow at this address and path",
    "413": "what stands before it takes no file of this size",
}
_LOCK_SECONDS = 25.0
PAGE = 250  # runs
_taken: dict[str, str] = {}  # variables of the environment that an address has set


def quiet() -> None:
    """Keep MLflow's output off the terminal; it goes to the root logger's handlers, if any."""
    for name in CHATTER:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if type(handler) is logging.StreamHandler:
                logger.removeHandler(handler)
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())  # else Python's last resort is stderr
        logger.propagate = True


def load(uri: str) -> None:
    """Import MLflow, and what it needs for a store, which takes two seconds of a core."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    quiet()
    import_module("mlflow")
    if not uri.lower().startswith(WEB):
        import_module("mlflow.store.tracking.sqlalchemy_store")
    quiet()


def connect(uri: str) -> MlflowClient:
    """Return a client of a store, whose schema is created if it is missing.

    Args:
        uri: MLflow's tracking URI.

    Raises:
        Exception: The store cannot be reached, after at most 30 s; its type depends on the store.
            MLflow itself would keep trying to reach a database for an hour.
    """
    remember(uri)
    uri = _authenticated(uri)
    load(uri)
    from mlflow import MlflowClient

    file = sqlite_file(uri)
    with _one_process(file):
        if file is not None:
            make(file)
        _probe(uri)
        client = MlflowClient(uri, registry_uri=uri)
        client.search_experiments(max_results=1)  # opens the store, which creates the schema
    quiet()  # Alembic adds its own handlers
    return client


def reason(error: Exception) -> str:
    """Return in one line, without a password, why MLflow cannot be used."""
    said = (redact(error).strip().splitlines() or [type(error).__name__])[0]
    if (status := re.search(r"failed with error code (\d+)", said)) is not None:
        return f"{status[1]}: {ANSWERS.get(status[1], said)}"[:300]
    system = re.search(r"ConnectionPool.*\[Errno -?\d+\] ([\w ]+)", said)  # deep in its middle
    return system[1] if system else said[:300]


def _authenticated(uri: str) -> str:
    """Return an address without user and password, which MLflow finds where it looks first.

    Its messages repeat addresses, and so do those of the libraries below it.
    """
    if _taken and {name: os.environ.get(name) for name in _taken} == _taken:
        for name in _taken:  # of another address: they are not for this one
            del os.environ[name]
    _taken.clear()
    if not uri.lower().startswith(WEB):
        return uri
    parts = urlsplit(uri)
    if not (parts.username and parts.password):
        return uri
    _taken.update({USER: unquote(parts.username), PASSWORD: unquote(parts.password)})
    os.environ.update(_taken)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


@contextlib.contextmanager
def _one_process(file: Path | None) -> Iterator[None]:
    """Let one process at a time open a SQLite store: two that create its schema break it."""
    import filelock

    if file is None:
        yield
        return
    lock = filelock.FileLock(file.with_name(f"{file.name}.lock"), timeout=_LOCK_SECONDS)
    try:
        lock.acquire()
    except OSError as error:  # filelock.Timeout is one: its holder hangs
        if not file.exists() or isinstance(error, filelock.Timeout):
            raise
    try:
        yield
    finally:
        lock.release()


def _probe(uri: str) -> None:
    """Raise if a database cannot be opened."""
    import sqlalchemy

    if not sqlalchemy.event.contains(sqlalchemy.Pool, "connect", _prepare_nothing):
        sqlalchemy.event.listen(sqlalchemy.Pool, "connect", _prepare_nothing)
    if uri.partition(":")[0].lower() in ("http", "https", "file") or ":" not in uri:
        return
    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))
    finally:
        engine.dispose()


def _prepare_nothing(connection: Any, _: object) -> None:
    """Let psycopg prepare no statement: behind a pooler, the next session lacks it.

    MLflow makes its engines itself and passes them nothing.
    """
    if hasattr(connection, "prepare_threshold"):
        connection.prepare_threshold = None


def all_runs(
    client: MlflowClient,
    experiments: list[str],
    query: str,
    *,
    deleted: bool = False,
    alive: Callable[[], None] = lambda: None,
) -> list[Run]:
    """Return all runs that match a filter, oldest first. alive: called after each answer.

    Filters contain only this package's own words, numbers and MLflow's IDs, never a user's text.
    """
    found, token = page_of_runs(client, experiments, query, None, deleted=deleted)
    while token:
        alive()
        more, token = page_of_runs(client, experiments, query, token, deleted=deleted)
        found += more
    return found


def page_of_runs(
    client: MlflowClient,
    experiments: list[str],
    query: str,
    token: str | None,
    *,
    deleted: bool = False,
) -> tuple[list[Run], str | None]:
    """Return some of the runs that match a filter, oldest first, and the token of the next ones.

    So many that a server answers in time: it sends all that it knows of each.
    """
    from mlflow.entities import ViewType

    view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
    order = ["attributes.start_time ASC"]
    page = client.search_runs(experiments, query, view, PAGE, order, token)
    return list(page), page.token or None
