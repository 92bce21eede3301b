"""The driver's side of the nursery: it hatches workers, and says how they died."""

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
from sweeps.workers.wire import COMMAND, HATCH, REAP, Channel

GRACE = 5.0  # seconds that the nursery has for an answer, and for its own end


class Nursery:
    """One process that imports TensorFlow while the driver does its own start-up.

    log: what it and its workers print goes there.
    """

    def __init__(self, trainer: str, device: str, threads: int, log: Path) -> None:
        ours, theirs = socket.socketpair()
        # The kernel watches the thread that started a process: only the main one lives as long.
        main = threading.current_thread() is threading.main_thread()
        command = [sys.executable, "-P", "-m", "sweeps.workers.process", "nursery"]
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
        self.trouble: str | None = None  # why it cannot work
        self._ready = False
        self._ended: dict[int, int | None] = {}

    def hatch(self, key: int) -> Channel:
        """Have a worker started as soon as the imports are done; return its channel at once.

        Raises OSError where the nursery is dead.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self.control.socket, [COMMAND.pack(HATCH, key)], [theirs.fileno()])
        except OSError:
            ours.close()
            raise
        return Channel(ours)

    def receive(self) -> None:
        """Take what the nursery sent; raises EOFError once it is gone."""
        for message in self.control.receive(wait=False):
            self._take(*message)

    def dismiss(self, key: int) -> None:
        """Have a worker reaped whose channel is closed; raises OSError."""
        self.control.socket.sendall(COMMAND.pack(REAP, key))

    def status(self, key: int) -> int | None:
        """Return a dead worker's exit code, negative for a signal; None where it is unknown."""
        try:
            self.dismiss(key)
            self.control.socket.settimeout(GRACE)
            while key not in self._ended:
                for message in self.control.receive():
                    self._take(*message)
            self.control.socket.settimeout(None)
        except (OSError, EOFError):  # the nursery is dead too, or does not answer
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
        """End the nursery, and with it every worker; return its exit code."""
        with contextlib.suppress(EOFError):
            self.receive()
        self.control.close()
        try:
            # It ends its workers and itself; while it imports, it has none and does not listen.
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
