"""Connecting to a Ray cluster, and why something failed on one of its machines."""

from __future__ import annotations

import re
import sys

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError

TRIES = 3
RAISED = re.compile(r"([\w.]+\.)?[A-Z]\w+: ")  # how an exception begins


def connect(address: str) -> None:
    """Connect to a cluster.

    With ray://, the head starts a process for each driver. About one in ten ends as it is forked
    (Ray 2.60), which Ray's client tells after some 30 s; the next attempt starts another process.

    Raises:
        Exception: Ray does not connect; its type depends on the reason.
    """
    for left in reversed(range(TRIES)):
        try:
            ray.init(address=address, log_to_driver=False, namespace="keras-sweeps")
        except ConnectionAbortedError as error:
            if not left:
                raise
            print(f"connecting again: {cause_of(error)}", file=sys.stderr, flush=True)
        else:
            return


def line_of(error: BaseException) -> str:
    """Return why a call failed, in one line."""
    if isinstance(error, ActorDiedError | ActorUnavailableError):
        return "its processes have ended, or no network leads to it"
    return " ".join(str(error).split())[:300] or type(error).__name__


def cause_of(error: BaseException) -> str:
    """Return why something did not start: the exception that was raised on another machine."""
    raised = [line.strip() for line in str(error).splitlines() if RAISED.match(line.strip())]
    if not raised:
        return line_of(error)
    needed = "; install keras-sweeps there" if "No module named" in raised[-1] else ""
    return f"{raised[-1]}{needed}"


def refusal_of(error: BaseException) -> str:
    """Return why Ray does not connect, in one line."""
    if not isinstance(error, ConnectionAbortedError):
        return line_of(error)
    cause = cause_of(error)  # at the end of a traceback of the head's
    if ".err" in cause and "head node" not in cause:
        return f"{cause} It is on the head's machine, by default in /tmp/ray/session_latest/logs."
    return cause
