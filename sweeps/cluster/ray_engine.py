"""A Ray cluster as an engine: commands to the agent (`ray_agent.py`), events from it."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from objectives import BadInput
from sweeps.cluster.code import Code
from sweeps.cluster.engine import ALL, Ended, Event, Gone, Joined, Said
from sweeps.workers.chatter import to_log
from sweeps.workers.orders import Orders
from sweeps.workers.wire import Channel

STARTS = 3  # of an agent that ends before it has answered
REACH = 5.0  # seconds that an address has to answer
CONNECT, TICK = 150.0, 1.0  # seconds that Ray has to connect, and between two looks
SLOW = 15.0  # seconds after which a line says that it has not connected yet
BETWEEN = 5.0  # seconds between two attempts to reach a cluster again
PATIENCE = 300.0  # seconds for which that is tried
PORTS = "ray://HOST:10001 is for any machine, HOST:6379 for those of the cluster"
ENVIRONMENT = {  # no messages on how Ray treats GPUs
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


class RayEngine:
    """Hosts on the machines of a Ray cluster that is there.

    Args:
        address: "auto", "HOST:PORT" or "ray://HOST:PORT".
        log: Receives what Ray says.
        say: Takes a line that the user should see before the first host is there.
        patience: Seconds for which a cluster that is gone is waited for.

    Raises:
        BadInput: Ray is not installed, or nothing answers at the address.
    """

    def __init__(
        self,
        address: str,
        log: Path,
        *,
        say: Callable[[str], object] = print,
        patience: float = PATIENCE,
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise BadInput("--cluster needs Ray: pip install 'keras-sweeps[ray]'")
        _reach(address)
        self.address = address
        self._log = log
        self._say = say
        self._patience = patience
        self._hosts: set[str] = set()
        self._puts: dict[str, Path] = {}
        self._generation = 0
        self._lost_at: float | None = None
        self._next_try = 0.0
        self._channel: Channel | None = None
        self._early: list[Any] = []  # messages that came with the agent's first
        self._closed = False

    def start(self, orders: Orders, places: int) -> int:
        """Start hosts; return how many places there will be. Raises BadInput."""
        self._order = orders, places, Code.of(orders.reference)
        try:
            name, *told = self._connected()
        except BaseException:
            self.close()
            raise
        if name == "refused":
            self._closed = True
            self._end()
            hint = "" if self.address == "auto" else f"; {PORTS}"
            raise BadInput(f"--cluster {self.address}: Ray does not connect: {told[0]}{hint}")
        planned, total = told
        if not planned and places == ALL:
            self.close()
            what = "GPU" if orders.device == "gpu" else "core"
            why = f"other work uses all {what}s" if total else f"the cluster has no {what}s"
            raise BadInput(
                f"--cluster {self.address}: {why} (one worker per {what}, with 1.5 GB of memory; "
                "`ray status` shows its machines): run this again once there is room, or give "
                "--workers N, which waits for room and asks an autoscaler for it"
            )
        return int(planned)

    def call(self, host: str, name: str, *arguments: Any) -> None:
        """Call a host."""
        self._send("call", host, name, *arguments)

    def put(self, folder: Path) -> str:
        """Give the files of a folder to all hosts."""
        name = f"files-{len(self._puts)}"
        self._puts[name] = folder
        self._send("put", name, folder)
        return name

    def wait(self, seconds: float) -> Sequence[Event]:
        """Wait for events, at most so long."""
        now = time.monotonic()
        if self._lost_at is not None and now - self._lost_at > self._patience:
            return [Ended(f"Ray at {self.address} has not come back for {self._patience:.0f} s")]
        if self._channel is None:
            return self._again(seconds, now)
        try:
            messages = self._receive(seconds)
        except EOFError:
            return self._lost()
        found: list[Event] = []
        for message in messages:
            if isinstance(message, tuple):
                found += self._commanded(*message)
                continue
            if isinstance(message, Joined):
                self._hosts.add(message.host)
            elif isinstance(message, Gone):
                self._hosts.discard(message.host)
            found.append(message)
        return found

    def close(self) -> None:
        """End every host. Safe to call again."""
        if self._closed:
            return
        self._closed = True
        self._send("close")
        if self._channel is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(8.0)
            self._end()

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        self._generation += 1
        command = [sys.executable, "-P", "-m", "sweeps.cluster.ray_agent"]
        command += [str(theirs.fileno()), self.address, str(self._generation)]
        path = os.pathsep.join(os.fspath(entry) or os.getcwd() for entry in sys.path)
        with theirs, self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                env={**ENVIRONMENT, **os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is the driver's
            )
        if self._process.stderr is not None:
            self._copying = to_log(self._process.stderr, self._log)
        self._channel = Channel(ours)
        self._selector = selectors.DefaultSelector()
        self._selector.register(ours, selectors.EVENT_READ)
        self._send("start", *self._order)
        for name, folder in self._puts.items():
            self._send("put", name, folder)

    def _connected(self) -> tuple[Any, ...]:
        """Start an agent, another where it ends without a word; return its first answer."""
        for _ in range(STARTS):
            self._spawn()
            with contextlib.suppress(EOFError):
                return self._first()
            self._end()
        return "refused", f"it has ended {STARTS} times (see {self._log})"

    def _first(self) -> tuple[Any, ...]:
        """Return the agent's first answer: whether it has reached the cluster."""
        began = time.monotonic()
        until, slow = began + CONNECT, began + SLOW
        while (now := time.monotonic()) < until:
            if now > slow:
                slow = math.inf
                self._say(
                    f"Ray at {self.address} does not answer yet: waiting up to {CONNECT:.0f} s "
                    f"({PORTS})"
                )
            messages = self._receive(TICK)
            for place, message in enumerate(messages, 1):
                if not isinstance(message, Said):
                    self._early = messages[place:]
                    return tuple(message)
                self._say(message.line)
                until = time.monotonic() + CONNECT
        return "refused", f"no cluster answers within {CONNECT:.0f} s (see {self._log})"

    def _receive(self, seconds: float) -> list[Any]:
        early, self._early = self._early, []
        if early or self._channel is None:
            return early
        return self._channel.receive(wait=False) if self._selector.select(seconds) else []

    def _send(self, *message: Any) -> None:
        # If the agent is dead, `wait` notices when it reads the socket to its end.
        if self._channel is not None:
            with contextlib.suppress(OSError):
                self._channel.send(message)

    def _lost(self) -> list[Event]:
        """Handle the end of the agent: Ray ends it where its cluster is gone."""
        self._end()
        gone: list[Event] = [Gone(host, "the cluster is gone") for host in self._hosts]
        self._hosts.clear()
        self._next_try = time.monotonic() + BETWEEN
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            gone.append(
                Said(
                    f"the Ray cluster at {self.address} is gone: waiting up to "
                    f"{self._patience:.0f} s until it is back"
                )
            )
        return gone

    def _again(self, seconds: float, now: float) -> list[Event]:
        """Try to reach the cluster again, now and then."""
        if now < self._next_try:
            time.sleep(min(seconds, self._next_try - now))
            return []
        self._spawn()
        return []

    def _commanded(self, name: str, *told: Any) -> list[Event]:
        """Handle what an agent says that was started again."""
        if name == "refused":  # its process ends by itself
            return []
        self._lost_at = None
        return [Said(f"the Ray cluster at {self.address} is back")]

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._selector.close()
            self._channel = None
            self._process.kill()
            self._process.wait()
            self._copying.join(BETWEEN)


def _reach(address: str) -> None:
    """Raise BadInput where nothing listens at an address."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not (colon and port.isdecimal()):
        raise BadInput(
            f"--cluster {address}: it must be auto, HOST:PORT or ray://HOST:PORT, such as "
            "ray://head:10001"
        )
    try:
        socket.create_connection((host, int(port)), REACH).close()
    except OSError as error:
        raise BadInput(
            f"--cluster {address}: nothing answers there ({error}); start Ray on the head machine "
            "with `ray start --head`"
        ) from None
