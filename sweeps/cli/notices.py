"""Shows on the terminal what happens to servers while a command runs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sweeps.tracking.notices import announced


class _Shown(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if announced(record):
            # sys.stderr is looked up each time: a live display takes its place for a while.
            print(record.getMessage(), file=sys.stderr, flush=True)


@contextmanager
def notices(shown: bool) -> Iterator[None]:
    """Print announcements to standard error while the block runs, if they are to be shown."""
    handler = _Shown()
    logger = logging.getLogger("sweeps")
    if shown:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
