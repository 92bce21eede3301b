"""Optuna's store in a database server: PostgreSQL or MySQL, with a limit on every wait."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from optuna.storages import RDBStorage

from objectives import BadInput
from sweeps.study.guard import LIMIT, Guard
from sweeps.tracking.notices import announce
from sweeps.tracking.redact import redact
from sweeps.tracking.stores import with_driver

if TYPE_CHECKING:
    import sqlalchemy

LOG = logging.getLogger("sweeps")
_SECONDS = int(LIMIT)
_CONNECT = 10
# What a plain address lacks, by the driver's module. A client that has vanished must not keep
# locks for long either, which `_SERVER` asks of PostgreSQL.
_LIBPQ: dict[str, Any] = {
    "connect_timeout": _CONNECT,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 1000 * _SECONDS,
}
_MYSQL = {"connect_timeout": _CONNECT, "read_timeout": _SECONDS, "write_timeout": _SECONDS}
ARGUMENTS = {
    "psycopg": {**_LIBPQ, "prepare_threshold": None},  # other sessions of a pooler lack them
    "psycopg2": _LIBPQ,
    "pymysql": _MYSQL,
    "MySQLdb": _MYSQL,
}
_SERVER = {
    "statement_timeout": f"{_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{2 * _SECONDS}s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_TRIES = 3


class Server(RDBStorage):
    """Optuna's storage, and the guard of its connections. shown: its address, no password."""

    def __init__(self, url: str) -> None:
        from sqlalchemy.engine import make_url

        self.shown = shown = redact(url)
        # Nothing below refers to this object, so that its connections are closed with it.
        self.guard = guard = Guard(lambda: announce(LOG, "waiting for an answer of %s", shown))
        made = with_driver(url)
        kind: Any = make_url(made).get_dialect()
        dialect = kind(dbapi=kind.import_dbapi())
        with guard.operation():
            super().__init__(
                made.replace("{", "{{").replace("}", "}}"),  # which Optuna formats
                engine_kwargs={
                    "creator": _creator(made, dialect, guard),
                    "pool_events": [
                        (_limit, "connect"),
                        (partial(_look, dialect, guard), "checkout"),
                    ],
                },
            )
        guard.attach(self.engine)
        _tell_faults(self.engine, guard, shown)
        weakref.finalize(self, _disconnect, self.engine)  # at the latest when the process ends


def _disconnect(engine: sqlalchemy.Engine) -> None:
    with contextlib.suppress(Exception):
        engine.dispose()


def _tell_faults(engine: sqlalchemy.Engine, guard: Guard, shown: str) -> None:
    """Have a command that reads say in one line that the database is away. Raises BadInput."""
    import sqlalchemy
    from sqlalchemy.exc import InterfaceError, OperationalError

    @sqlalchemy.event.listens_for(engine, "handle_error")
    def _(context: Any) -> None:
        fault = context.sqlalchemy_exception
        if isinstance(fault, InterfaceError | OperationalError) and not (
            guard.operating or context.is_pre_ping
        ):
            why = redact(str(context.original_exception).strip().splitlines()[0])
            raise BadInput(f"{shown} does not answer as it should: {why}") from None


def _creator(url: str, dialect: Any, guard: Guard) -> Callable[[], Any]:
    """Return what connects to a database, with the limits that its address does not set."""
    from sqlalchemy.engine import make_url

    args, given = dialect.create_connect_args(make_url(url))
    limits = ARGUMENTS.get(getattr(dialect.dbapi, "__name__", ""), {})
    options = {**limits, **given}
    return lambda: guard.connected(lambda: dialect.connect(*args, **options))


def _look(dialect: Any, guard: Guard, connection: Any, record: Any, _: Any) -> None:
    """Replace a connection that was lost meanwhile; SQLAlchemy's own look is not watched."""
    from sqlalchemy.exc import DisconnectionError

    if not record.info.setdefault("used"):
        record.info["used"] = True
        return
    try:
        alive = guard.waited(lambda: dialect.do_ping(connection))
    except dialect.dbapi.Error:
        alive = False
    if not alive:
        raise DisconnectionError


def _limit(connection: Any, _: Any) -> None:
    """Limit a new session of PostgreSQL, unless a pooler would hand it on to others."""
    backend = getattr(getattr(connection, "info", None), "backend_pid", None)
    if backend is None:
        return
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    if cursor.fetchone()[0] == backend:
        for name, value in _SERVER.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
    cursor.close()
    connection.commit()


def open_server(url: str) -> Server:
    """Open a database, whose tables are made where they are missing.

    Two programs may make them at the same time: the later one finds them in its next try.
    """
    import sqlalchemy

    for _ in range(_TRIES - 1):
        try:
            return Server(url)
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
            continue
    return Server(url)
