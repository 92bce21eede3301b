"""A new SQLite store for MLflow, there whole or not at all, and its schema made once a user.

MLflow makes a schema by going through all changes that it ever made to it, which takes seconds of
processor time. What comes out depends on MLflow's version alone, so it is kept in the user's cache
folder without a row of anybody's, and copied the next time.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

from sweeps.tracking.stores import sqlite_url


def make(file: Path) -> None:
    """Make a store that is missing aside, and put it in its place whole.

    A process that is killed halfway would leave tables that nobody can mend.
    """
    if not file.parent.is_dir() or (file.exists() and file.stat().st_size):
        return
    fresh = file.with_name(f"{file.name}.new")
    _remove(fresh)
    try:
        _copy(schema_file(), fresh)
    except (OSError, RuntimeError, sqlite3.Error):
        _remove(fresh)
        _by_mlflow(fresh)
        _keep(fresh)
    fresh.replace(file)


def schema_file() -> Path:
    """Return where the schema of the installed MLflow is kept. RuntimeError where is no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "keras-sweeps"
    return folder / f"mlflow-{version('mlflow')}.db"


def _remove(file: Path) -> None:
    for left in (file, file.with_name(f"{file.name}-journal")):
        left.unlink(missing_ok=True)


def _by_mlflow(file: Path) -> None:
    from mlflow import MlflowClient
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    uri = sqlite_url(file)
    MlflowClient(uri, registry_uri=uri).search_experiments(max_results=1)
    SqlAlchemyStore._engine_map.pop(uri).dispose()


def _keep(store: Path) -> None:
    """Keep a new store's schema for the next one, where there is a folder for it."""
    with contextlib.suppress(OSError, RuntimeError, sqlite3.Error):
        kept = schema_file()
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_name(f"{kept.name}.{os.getpid()}")  # another process may be as far
        _copy(store, fresh)
        # The one row that depends on the folder: MLflow makes it again when it opens a store.
        with contextlib.closing(sqlite3.connect(fresh)) as database, database:
            database.execute("DELETE FROM experiments")
        fresh.replace(kept)


def _copy(source: Path, target: Path) -> None:
    """Copy a database. Raises sqlite3.Error where the source is none, or is missing."""
    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        ) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        if not old.execute("SELECT version_num FROM alembic_version").fetchone():
            raise sqlite3.DatabaseError(f"{source} is not MLflow's")
        old.backup(new)
