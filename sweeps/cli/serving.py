"""One page on 127.0.0.1, which asks now and then whether there is a newer one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from objectives import BadInput

HOST = "127.0.0.1"  # never another: the page shows data, and nobody is asked who they are
PORT = 8642  # where none is given and it is free


@dataclass
class Page:
    """What is served. version: changes with the content. says: a line about it.

    seen: when a browser asked last. last_seen: the version that one was given.
    """

    version: str = ""
    body: bytes = b""
    says: str = ""
    seen: float = field(default=0.0, init=False)
    last_seen: str = field(default="", init=False)

    def watched(self, within: float) -> bool:
        """Return whether a browser has asked within so many seconds."""
        return time.monotonic() - self.seen < within


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    page: Page

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        page, port = self.server.page, self.server.port
        if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            # Another site's name may be made to lead here, and its scripts would read the page.
            self._send(HTTPStatus.FORBIDDEN, b"", "text/plain")
            return
        if self.path in ("/", "/state"):
            page.seen = time.monotonic()
        if self.path == "/":
            page.last_seen = page.version
            self._send(HTTPStatus.OK, page.body, "text/html; charset=utf-8")
        elif self.path == "/state":
            state = {"version": page.version, "says": page.says}
            self._send(HTTPStatus.OK, json.dumps(state).encode(), "application/json")
        else:
            self._send(HTTPStatus.NOT_FOUND, b"", "text/plain")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def served(page: Page, port: int | None) -> Iterator[str]:
    """Serve a page until the block ends; give its address.

    port: None for `PORT`, or any that is free. Raises BadInput for one that is taken.
    """
    server = _bound(port)
    server.page = page
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _bound(port: int | None) -> _Server:
    try:
        return _Server((HOST, PORT if port is None else port), _Handler)
    except OSError as error:
        if port is None:
            return _Server((HOST, 0), _Handler)
        raise BadInput(f"--port {port}: {error.strerror}; give another, or leave it out") from None
