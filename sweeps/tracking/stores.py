"""Addresses of stores: SQLite files, missing database drivers, and folders that were moved."""

from __future__ import annotations

import contextlib
import sqlite3
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

from sweeps.tracking.redact import misread, redact, remember

DRIVERS = {
    "psycopg": "keras-sweeps[postgresql]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "pymysql": "PyMySQL",
}
# What reaches a database whose address names no driver: SQLAlchemy's name and its module, in order
# of preference. SQLAlchemy itself takes the second one for PostgreSQL, installed or not.
PLAIN = {
    "postgresql": (("psycopg", "psycopg"), ("psycopg2", "psycopg2")),
    "mysql": (("mysqldb", "MySQLdb"), ("pymysql", "pymysql")),
    "mariadb": (("mysqldb", "MySQLdb"), ("pymysql", "pymysql")),
}
ARTIFACTS = {  # MLflow's tables with addresses of artifacts, and the columns that hold them
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}


def sqlite_url(file: Path) -> str:
    """Return the URL of a SQLite file, whatever characters are in its path."""
    from sqlalchemy import URL

    url = URL.create("sqlite", database=str(file))
    if "%" in (text := url.render_as_string(hide_password=False)):
        # For sqlite:///my%2520data MLflow would create a folder my%2520data beside the real one.
        return url.set(drivername="sqlite+pysqlite").render_as_string(hide_password=False)
    return text


def is_server(url: str) -> bool:
    """Return whether a store is a database server's."""
    return not url.startswith("sqlite")


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for any other store."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if is_server(url):
        return None
    try:
        found = make_url(url).database
    except ArgumentError:
        return None
    if found is None or found == ":memory:":
        return None
    return Path(unquote(found.removeprefix("file:")) if found.startswith("file:") else found)


def with_driver(url: str) -> str:
    """Return a database's address with the driver that is installed, where it names none."""
    scheme, there, rest = url.partition("://")
    kind = {"postgres": "postgresql"}.get(scheme, scheme)  # a spelling that SQLAlchemy dropped
    if not there or kind not in PLAIN:
        return url
    installed = (name for name, module in PLAIN[kind] if find_spec(module) is not None)
    return f"{kind}+{next(installed, PLAIN[kind][0][0])}://{rest}"


def unusable(url: str) -> str | None:
    """Return what is wrong with a store's address, None if it can be tried.

    What may be shown of it, from now on, has no password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    remember(url)
    if (why := misread(url)) is not None:
        return f"{redact(url)!r}: {why}"
    try:
        make_url(with_driver(url)).get_dialect().import_dbapi()
    except ImportError as error:
        package = DRIVERS.get(error.name or "", error.name)
        needs = f"{redact(url)!r} needs {error.name!r}, which is not installed"
        return f"{needs}: pip install '{package}'"
    except (SQLAlchemyError, ValueError):
        return None  # not the URL of a database: reported elsewhere
    return None


def moved(uri: str) -> str | None:
    """Correct the addresses of artifacts in a store that was moved; return a message about it.

    A store beside its artifacts (`mlruns/sweep-NAME`) holds their absolute addresses, which point
    to the old folder once it has been moved or copied.
    """
    file = sqlite_file(uri)
    if file is None or not file.exists():
        return None
    here = (file.resolve().parent / "mlruns").as_uri()
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(file)) as store:
        query = "SELECT artifact_location FROM experiments WHERE artifact_location LIKE ?"
        rows = store.execute(query, ("file:///%/mlruns/sweep-%",)).fetchall()
        roots = {str(row[0]).rpartition("/")[0] for row in rows} - {here}
        old = [root for root in roots if not _same(root, here)]
        with store:
            for root in old:
                _rewrite(store, root, here)
        if old:
            where = ", ".join(unquote(root.removeprefix("file://")) for root in old)
            return (
                f"this folder was moved or copied: MLflow's artifacts were in {where}, and are "
                f"now read from and written to {unquote(here.removeprefix('file://'))}"
            )
    return None


def _same(root: str, here: str) -> bool:
    """Return whether two addresses are the same folder under two names."""
    with contextlib.suppress(OSError):
        return Path(unquote(root.removeprefix("file://"))).samefile(
            unquote(here.removeprefix("file://"))
        )
    return False


def _rewrite(store: sqlite3.Connection, old: str, new: str) -> None:
    values = new, len(old) + 1, len(old) + 1, f"{old}/"
    for table, columns in ARTIFACTS.items():
        known = {row[1] for row in store.execute(f"PRAGMA table_info({table})")}
        for column in known.intersection(columns):
            change = f"{column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?"
            store.execute(f"UPDATE {table} SET {change}", values)  # noqa: S608 names of ours
