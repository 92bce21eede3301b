"""The driver's side of the fork server (`process.py`): spawn workers, and learn how they died."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from sweeps.workers.chatter import to_log
from sweeps.workers.wire import COMMAND, REAP, SPAWN, Channel

GRACE = 5.0  # seconds that the fork server has to answer, and to exit


class ForkServer:
    """A process that imports TensorFlow while the driver starts up, and then forks workers.

    log: receives the output of this process and of its workers.
    """

    def __init__(self, trainer: str, device: str, threads: int, log: Path) -> None:
        ours, theirs = socket.socketpair()
        # PR_SET_PDEATHSIG watches the thread that started the process, so it must be the main one.
        main = threading.current_thread() is threading.main_thread()
        command = [sys.executable, "-P", "-m", "sweeps.workers.process", "server"]
        command += [str(theirs.fileno()), str(os.getpid() if main else 0)]
        command += [trainer, device, str(threads)]
        path = os.pathsep.join(os.fspath(entry) or os.getcwd() for entry in sys.path)
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is the driver's
            )
        if self._process.stderr is not None:
            self._copying = to_log(self._process.stderr, log)
        self.control = Channel(ours)
        self.trouble: str | None = None  # why its imports failed
        self._ready = False
        self._ended: dict[int, int | None] = {}

    def spawn(self, key: int) -> Channel:
        """Request a worker, which starts once the imports are done; return its channel at once.

        Raises:
            OSError: The fork server is dead.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self.control.socket, [COMMAND.pack(SPAWN, key)], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        return Channel(ours)

    def receive(self) -> None:
        """Handle what the fork server sent. Raises EOFError if the server is dead."""
        for message in self.control.receive(wait=False):
            self._take(*message)

    def dismiss(self, key: int) -> None:
        """Have a worker reaped whose channel is closed. Raises OSError if the server is dead."""
        self.control.socket.sendall(COMMAND.pack(REAP, key))

    def status(self, key: int) -> int | None:
        """Return a dead worker's exit code, negative for a signal; None if unknown."""
        try:
            self.dismiss(key)
            self.control.socket.settimeout(GRACE)
            while key not in self._ended:
                for message in self.control.receive():
                    self._take(*message)
            self.control.socket.settimeout(None)
        except (OSError, EOFError):  # the fork server is dead too, or does not answer
            return None
        return self._ended.pop(key)

    def _take(self, name: str, *arguments: Any) -> None:
        if name == "gone":
            key, status = arguments
            self._ended[key] = status
        elif name == "broken":
            (self.trouble,) = arguments
        else:
            self._ready = True

    def close(self) -> int:
        """End the fork server and all its workers; return the server's exit code."""
        with contextlib.suppress(EOFError):
            self.receive()
        self.control.close()
        try:
            # While it still imports, it has no workers and does not listen: kill it at once.
            return self._process.wait(GRACE if self._ready else 0.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._copying.join(GRACE)


def describe(status: int | None) -> str:
    """Return how a process ended, in words."""
    if status is None:
        return "it vanished"
    if status >= 0:
        return f"it ended with exit code {status}"
    name = signal.Signals(-status).name
    return f"it was killed by {name}" + (", often for lack of memory" * (name == "SIGKILL"))
