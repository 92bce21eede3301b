"""Creates a new SQLite store for MLflow, from a schema that is made once per user.

MLflow makes its schema by running all of its past migrations, which takes seconds of processor
time. The result depends only on MLflow's version. So an empty copy is kept in the user's cache
folder, and used for the next store.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

from sweeps.tracking.stores import sqlite_url


def make(file: Path) -> None:
    """Create a missing store under another name, then rename it.

    So a process that is killed halfway leaves no store with an incomplete schema behind.
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
    """Return where the installed MLflow's schema is kept. Raises RuntimeError without a home."""
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
    """Keep a new store's schema for the next one, if the cache folder can be written to."""
    with contextlib.suppress(OSError, RuntimeError, sqlite3.Error):
        kept = schema_file()
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_name(f"{kept.name}.{os.getpid()}")  # not shared with another process
        _copy(store, fresh)
        # This row depends on the folder. MLflow creates it again when it opens a store.
        with contextlib.closing(sqlite3.connect(fresh)) as database, database:
            database.execute("DELETE FROM experiments")
        fresh.replace(kept)


def _copy(source: Path, target: Path) -> None:
    """Copy a database. Raises sqlite3.Error if the source is missing or not a database."""
    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        ) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        if not old.execute("SELECT version_num FROM alembic_version").fetchone():
            raise sqlite3.DatabaseError(f"{source} is not a store of MLflow")
        old.backup(new)
