"""One driver per study: a lock in the study's folder, and one of a database server.

Both end with the process: the first is the kernel's, the second belongs to a connection.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from objectives import BadInput
from objectives.reading import counted
from sweeps.tracking.redact import redact

if TYPE_CHECKING:
    import sqlalchemy
    from optuna.storages import BaseStorage

    from sweeps.study.server import Server

UNSENT = "unsent.jsonl"  # in a study's folder: what its database lacks
_LOOK = 5.0  # seconds after which an idle lock is looked at again
_HOLDER = """
    SELECT a.pid, a.application_name, a.client_addr FROM pg_locks l JOIN pg_stat_activity a
    USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND CAST(l.classid AS bigint) = :high AND CAST(l.objid AS bigint) = :low
"""
_UNLIMITED = """
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_MYSQL_HOLDER = """
    SELECT p.id, p.host FROM information_schema.processlist p WHERE p.id = IS_USED_LOCK(:name)
"""


@contextlib.contextmanager
def lock(folder: Path, name: str) -> Iterator[None]:
    """Take a study for this process, by a kernel lock that dies with it. Raises BadInput.

    A folder that holds nothing else in the end goes with it.
    """
    import filelock

    file = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(file, timeout=0)
        held.acquire()
    except filelock.Timeout:
        raise BadInput(
            f"study {name!r} is being run by another process: wait for it, stop it, or take "
            "another study with --study NAME"
        ) from None
    except OSError as error:
        raise BadInput(
            f"cannot write to {str(folder)!r} ({error.strerror}): run in a folder of your own"
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if [*folder.glob("*")] in ([], [file]):
                shutil.rmtree(folder, ignore_errors=True)
                folder.parent.rmdir()
        held.release()


class Taken(RuntimeError):
    """Another driver has the study. Its text says which one."""


class SoleDriver:
    """The lock of a study, held by a connection of its own. Raises Taken where it is held.

    Its one transaction stays open. It has no snapshot, so that it keeps no old rows.
    """

    def __init__(self, server: Server, study: str) -> None:
        self._server = server
        self._study = study
        # PostgreSQL cuts it after 63 bytes. The token tells this driver from all others.
        self._me = f"keras-sweeps {secrets.token_hex(4)} {os.getpid()} {socket.gethostname()}"[:63]
        self._held: sqlalchemy.Connection | None = None
        self._without = False  # whether this database has no such lock
        self._looked, self._made = 0.0, 0
        self._take()

    def ensure(self) -> None:
        """Take the lock again if its connection was lost. Raises Taken if another was faster."""
        if self._without:
            return
        known = self._made == self._server.guard.made
        if self._held is not None and known and time.monotonic() - self._looked < _LOOK:
            return
        self._looked, self._made = time.monotonic(), self._server.guard.made
        if self._held is not None:
            with contextlib.suppress(Exception):
                self._held.exec_driver_sql("SELECT 1")
                return
            self.release()
        self._take()

    def doubt(self) -> None:
        """Look at the lock before the next change: something has failed."""
        self._looked = 0.0

    def release(self) -> None:
        """Give the study to whoever wants it."""
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(Exception):
                held.close()

    def _take(self) -> None:
        kinds = {"postgresql": self._postgresql, "mysql": self._mysql, "mariadb": self._mysql}
        engine = self._server.engine
        take = kinds.get(engine.dialect.name)
        if take is None:
            self._without = True  # the study's folder has a lock
            return
        held = engine.connect().execution_options(isolation_level="READ COMMITTED")
        try:
            held.detach()  # so that closing it ends its session, and with that the lock
            take(held)
        except BaseException:
            held.close()
            raise
        self._held, self._looked, self._made = held, time.monotonic(), self._server.guard.made

    def _postgresql(self, held: sqlalchemy.Connection) -> None:
        import sqlalchemy

        schema = held.exec_driver_sql("SELECT current_schema()").scalar()
        digest = hashlib.sha256(f"keras-sweeps {schema} {self._study}".encode()).digest()
        high, low = (int.from_bytes(digest[i : i + 4]) for i in (0, 4))
        key = int.from_bytes(digest[:8], signed=True)
        # A lock of a transaction that stays open: a pooler may give a session to many programs,
        # but not before its transaction ends.
        name = {"name": self._me}
        held.execute(sqlalchemy.text("SELECT set_config('application_name', :name, true)"), name)
        held.exec_driver_sql(_UNLIMITED)
        take = sqlalchemy.text("SELECT pg_try_advisory_xact_lock(:key)")
        who = sqlalchemy.text(_HOLDER)
        for _ in range(20):
            if held.execute(take, {"key": key}).scalar():
                return
            holder = held.execute(who, {"high": high, "low": low}).first()
            if holder is None:
                continue  # it has just been given back
            if holder[1] != self._me:
                raise Taken(self._refusal(_named(*holder)))
            # The connection of this very driver that was lost, but whose end is not known there.
            held.execute(sqlalchemy.text("SELECT pg_terminate_backend(:pid)"), {"pid": holder[0]})
            time.sleep(0.1)
            held.exec_driver_sql("SELECT pg_stat_clear_snapshot()")  # else it shows it still
        raise Taken(self._refusal("another process"))

    def _mysql(self, held: sqlalchemy.Connection) -> None:
        import sqlalchemy

        where = held.exec_driver_sql("SELECT DATABASE()").scalar()
        digest = hashlib.sha256(f"{where} {self._study}".encode()).hexdigest()
        name = {"name": f"keras-sweeps {digest[:40]}"}
        if held.execute(sqlalchemy.text("SELECT GET_LOCK(:name, 0)"), name).scalar() == 1:
            return
        holder = held.execute(sqlalchemy.text(_MYSQL_HOLDER), name).first()
        found = f"connection {holder[0]} from {holder[1]}" if holder else "another process"
        raise Taken(self._refusal(found))

    def _refusal(self, who: str) -> str:
        return (
            f"study {self._study!r} is being run by {who}: wait for it, stop it, or take another "
            "study with --study NAME"
        )


def _named(session: int, application: str, address: Any) -> str:
    """Return who holds a lock of PostgreSQL."""
    words = (application or "").split(" ", 3)
    if words[0] == "keras-sweeps" and len(words) == 4:
        return f"process {words[2]} on {words[3]}"
    return f"session {session} of the database (from {address or 'its own machine'})"


@contextlib.contextmanager
def held(
    storage: BaseStorage, name: str, folder: Path, lock: AbstractContextManager[None]
) -> Iterator[BaseStorage]:
    """Give a study's one driver the storage that it writes to, until the block ends.

    lock: of the study's folder. Raises BadInput where another driver has the study.
    """
    with lock:
        if getattr(storage, "guard", None) is None:  # no database server
            yield storage
            return
        from sweeps.study.outbox import Outbox
        from sweeps.study.posted import Posted

        server = cast("Server", storage)
        driver = _sole_driver(server, name)
        try:
            outbox = Outbox(server, name, folder, driver)
            outbox.send_left()
            try:
                yield cast("BaseStorage", Posted(outbox))
            finally:
                outbox.close()
        finally:
            driver.release()


def behind(folder: Path) -> list[str]:
    """Return what a reader should know of a study whose database lacks what its folder has."""
    file = folder / UNSENT
    with contextlib.suppress(OSError):
        if (lacking := file.read_bytes().count(b"\n") - 1) > 0:  # the first line names the study
            return [
                f"the database lacks {counted(lacking, 'change')} that {file} keeps: the next run "
                "sends them, unless one is running now"
            ]
    return []


def _sole_driver(server: Server, study: str) -> SoleDriver:
    import sqlalchemy

    try:
        return SoleDriver(server, study)
    except Taken as taken:
        raise BadInput(str(taken)) from None
    except (sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        reason = redact(str(error).splitlines()[0])
        raise BadInput(f"cannot open the store {server.shown!r}: {reason}") from error
