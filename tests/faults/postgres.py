"""A real PostgreSQL server with a data folder of its own, on a free port of loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.tracking.servers import free_port

PASSWORD = "s3cret@hush/hidden:w0rd#%{1}"
USERS = ("postgres", "nobody")  # the server refuses to run as root


def binaries() -> Path | None:
    """Return the folder of the server's programs, None where it is not installed."""
    found = [Path(path).parent for name in ("initdb",) if (path := shutil.which(name))]
    found += [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return found[-1] if found else None


def account() -> str | None:
    """Return the account that the server runs under, None for this one."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in USERS if name in known)


@dataclass
class Postgres:
    """A server that can be stopped as a whole, frozen and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://me:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        programs = binaries()
        assert programs is not None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    programs / "postgres", "-D", self.folder / "data", "-p", str(self.port),
                    "-h", "127.0.0.1", "-k", "", "-F",
                ],
                stdout=log, stderr=log, user=account(), cwd="/", start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                self.execute("postgres", "SELECT 1")
                return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it at once: every connection is closed."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.freeze(False)
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            self.process = None

    def freeze(self, frozen: bool = True) -> None:
        """Stop all its processes without closing anything, as a hung machine would."""
        assert self.process is not None
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parent = int(entry.read_text().rpartition(")")[2].split()[1])
                if self.process.pid in (parent, int(entry.parent.name)):
                    os.kill(int(entry.parent.name), signal.SIGSTOP if frozen else signal.SIGCONT)

    def execute(self, database: str, statement: str) -> list[tuple[object, ...]]:
        options = {"host": "127.0.0.1", "port": self.port, "user": "me", "password": PASSWORD}
        with psycopg.connect(**options, dbname=database, autocommit=True) as connection:  # type: ignore[arg-type]
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def database(self, name: str) -> str:
        """Create an empty database; return its address."""
        self.execute("postgres", f'CREATE DATABASE "{name}"')
        return self.url(name)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server while the block runs."""
    programs = binaries()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="keras-sweeps-postgres-"))
    server = Postgres(folder, free_port())
    try:
        (folder / "password").write_text(PASSWORD)
        if (user := account()) is not None:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)
        subprocess.run(
            [
                programs / "initdb", "-D", folder / "data", "-U", "me", "--no-sync", "-E", "UTF8",
                "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "--locale=C",
            ],
            user=account(), check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
