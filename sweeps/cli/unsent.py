"""The end of a command whose study is not whole by then: on its disk, its database or MLflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from objectives.reading import counted
from sweeps.study.session import Session
from sweeps.tracking import Tracker
from sweeps.tracking.redact import redact
from sweeps.tracking.stores import is_server

FAILED, UNSENT = 1, 3


def on_server(session: Session) -> bool:
    """Return whether the study is in a database server."""
    return is_server(session.settings.storage_url())


def settled(session: Session, code: int) -> int:
    """Write what is late; say what could not be written, and return the exit code."""
    lacking = session.store.flush()
    if not lacking:
        return code
    where, many = redact(session.settings.storage_url()), counted(lacking, "change")
    if on_server(session):
        print(
            f"not sent: {where} is missing the last {many} (see sweep.log), kept in "
            f"{session.folder}: run the same command to send them"
        )
        return code or UNSENT
    print(
        f"stopped: {where} is missing the last {many} (see sweep.log): free disk space, then run "
        "the same command, which trains them again"
    )
    return FAILED


def tracked(tracker: Tracker, uri: str, folder: Path, say: Callable[[str], None]) -> int:
    """Wait until MLflow has everything or does not answer; return the exit code.

    folder: of what is tracked.
    """
    left = tracker.close()
    if not left:
        return 0
    say(
        f"not sent: MLflow at {redact(uri)} is missing {counted(left, 'item')} (see sweep.log), "
        f"kept in {folder}: run sync, or the same command, to send them"
    )
    return UNSENT


def resumed(session: Session, say: Callable[[str], None]) -> int:
    """Send MLflow what an earlier run has left of a complete study; return the exit code."""
    session.tracker.resume()
    return tracked(session.tracker, session.settings.mlflow_uri(), session.folder, say)
