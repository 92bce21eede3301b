"""`--notify`: a command of the user's own that is told how a sweep ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from objectives import BadInput

if TYPE_CHECKING:
    from sweeps.study.session import Session
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep

TIMEOUT = 60.0  # seconds: a command that hangs shall not keep the sweep from its end
STATES = {0: "done", 1: "failed", 3: "done", 130: "interrupted"}  # by exit code


@dataclass
class Told:
    """How a sweep ended.

    study, sweep: their names, None where a study has none yet. session: of the study, None until
    it is opened. plain: what `--json` writes of it, None where it ended early.
    """

    study: str | None
    sweep: str
    code: int = 1
    session: Session | None = None
    plain: Any = None
    error: str | None = field(default=None, init=False)


@contextmanager
def notifying(sweep: Sweep, settings: Settings) -> Iterator[Told]:
    """Run `--notify` when the block ends, however it does. Bad input is no end of a sweep."""
    told = Told(settings.study or (sweep.name if settings.source is None else None), sweep.name)
    try:
        yield told
    except BadInput:
        raise
    except BaseException as error:
        told.code = 130 if isinstance(error, KeyboardInterrupt) else 1
        told.error = " ".join(str(error).split()) or type(error).__name__
        _tell(settings.notify, told)
        raise
    _tell(settings.notify, told)


def _tell(command: str | None, told: Told) -> None:
    if command is None:
        return
    from sweeps.cli.found import plain
    from sweeps.study.summary import summarise

    found: dict[str, Any] = {"study": told.study, "sweep": told.sweep}
    if (session := told.session) is not None:
        found["study"] = session.name
        with suppress(Exception):  # of what broke the sweep
            found |= told.plain or plain(session, summarise(session))
    found |= {"state": STATES.get(told.code, "failed"), "exit_code": told.code}
    found |= {} if told.error is None else {"error": told.error}
    if (failure := run(command, json.dumps(found, default=str))) is not None:
        print(f"--notify: {command!r} {failure}", file=sys.stderr)


def run(command: str, given: str) -> str | None:
    """Run a command line with a text on its standard input; return what went wrong, if it did."""
    try:
        process = subprocess.Popen(  # noqa: S602  # the user's own command line
            command,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # a Ctrl-C is not for it
        )
    except OSError as error:
        return f"cannot be run: {error.strerror}"
    try:
        said, _ = process.communicate(given, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"took longer than {TIMEOUT:.0f}s and was ended"
    if process.returncode == 0:
        return None
    last = f": {said.strip().splitlines()[-1]}" if said.strip() else ""
    return f"ended with exit code {process.returncode}{last}"
