"""What stands before servers: PgBouncer before PostgreSQL, nginx before MLflow, each its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults.postgres import PASSWORD, Postgres, account
from tests.tracking.servers import free_port

POOLER = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 20
"""
PROXY = """
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
  access_log off;
  {paths}
  client_max_body_size 0;
  map $http_authorization $known {{ default 0; "{allowed}" 1; }}
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      if ($known = 0) {{ return 401; }}
      proxy_pass {target}/;
    }}
  }}
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def program(name: str) -> str | None:
    """Return where a server's program is, which is outside of many users' PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def _running(command: list[str], port: int, folder: Path, user: str | None) -> Iterator[None]:
    with (folder / "output").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, user=user, cwd="/", start_new_session=True
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            said = (folder / "output").read_text()
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def pooler(server: Postgres, mode: str) -> Iterator[int]:
    """Run PgBouncer before a server while the block runs; gives its port."""
    port, user = free_port(), account()
    with tempfile.TemporaryDirectory(prefix="keras-sweeps-pooler-") as name:
        folder = Path(name)
        (folder / "users").write_text(f'"me" "{PASSWORD}"\n')
        settings = POOLER.format(folder=folder, server=server.port, port=port, mode=mode)
        (folder / "settings").write_text(settings)
        if user is not None:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, user)
        command = [str(program("pgbouncer")), str(folder / "settings")]
        with _running(command, port, folder, user):
            yield port


@contextlib.contextmanager
def proxy(target: str, prefix: str, allowed: str) -> Iterator[str]:
    """Run nginx before a server: its path is below a prefix, and one Authorization opens it."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="keras-sweeps-proxy-") as name:
        folder = Path(name)
        paths = " ".join(f"{one}_temp_path {folder}/{one};" for one in TEMPORARY)
        settings = PROXY.format(
            folder=folder, paths=paths, allowed=allowed, port=port, prefix=prefix, target=target,
            user="user root;" if os.geteuid() == 0 else "",
        )  # fmt: skip
        (folder / "settings").write_text(settings)
        command = [str(program("nginx")), "-p", name, "-c", str(folder / "settings")]
        with _running(command, port, folder, None):
            yield f"http://127.0.0.1:{port}{prefix}"
