"""Optuna's store, opened by its address: a SQLite file, or a database server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives import BadInput
from sweeps.tracking.redact import redact
from sweeps.tracking.stores import is_server, sqlite_file, unusable

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage


def connect(url: str, *, create: bool = True, memory: bool = False) -> BaseStorage:
    """Open a store; one that is missing is made, or held in memory. Raises BadInput."""
    import filelock
    import optuna
    import sqlalchemy

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sqlite = sqlite_file(url)
    if sqlite is not None and not create and not sqlite.exists():
        if memory:
            return optuna.storages.InMemoryStorage()
        raise BadInput("there is no study in this folder yet: run a sweep first")
    options = {"connect_args": {"timeout": 5}}
    if sqlite is None and (why := unusable(url)) is not None:
        raise BadInput(f"--storage: {why}")
    try:
        if sqlite is None:
            if not is_server(url):  # in memory
                return optuna.storages.RDBStorage(url)
            from sweeps.study.server import open_server

            return open_server(url)
        # Two processes that create the schema at the same time break it.
        with filelock.FileLock(f"{sqlite}.lock", timeout=60):
            storage = optuna.storages.RDBStorage(url, engine_kwargs=options)
    except (sqlalchemy.exc.SQLAlchemyError, OSError, ImportError, ValueError) as error:
        reason = redact(str(error).splitlines()[0])
        raise BadInput(f"cannot open the store {redact(url)!r}: {reason}") from error
    _write_ahead(storage)
    return storage


def _write_ahead(storage: optuna.storages.RDBStorage) -> None:
    """Spare a disk flush a commit: SQLite stays whole, a power cut may cost the last commits."""
    import sqlalchemy

    @sqlalchemy.event.listens_for(storage.engine, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    storage.engine.dispose()
