"""Log records that a person at the terminal should see too, such as that a server is away."""

from __future__ import annotations

import logging


def announce(log: logging.Logger, message: str, *args: object) -> None:
    """Log a warning that is also shown on the terminal while a command runs."""
    log.warning(message, *args, extra={"announced": True})


def announced(record: logging.LogRecord) -> bool:
    """Return whether a record belongs on the terminal."""
    return bool(getattr(record, "announced", False))
