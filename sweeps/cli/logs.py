"""Library chatter goes to `sweep.log`: the terminal is for what the user asked."""

from __future__ import annotations

import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sweeps.tracking.redact import redact
from sweeps.workers.chatter import strip

FILE = "sweep.log"
RECORD = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def chatter_to(path: Path) -> Iterator[None]:
    """Send what native code writes to standard error to a file: TensorFlow, XLA and CUDA.

    What Python writes there still shows.
    """
    shown = sys.stderr
    shown.flush()
    kept = os.dup(2)
    try:
        with path.open("ab") as file:
            start = file.tell()
            os.dup2(file.fileno(), 2)
    except OSError:  # a folder that cannot be written is told elsewhere
        os.close(kept)
        yield
        return
    ours = _is_native(shown)
    if ours:
        sys.stderr = os.fdopen(os.dup(kept), "w", buffering=1, encoding="utf-8", errors="replace")
    try:
        yield
    finally:
        if ours:
            for handler in _writing_to(sys.stderr):  # of TensorFlow, imported meanwhile
                handler.setStream(shown)
            sys.stderr.close()
            sys.stderr = shown
        os.dup2(kept, 2)
        os.close(kept)
        with suppress(OSError):
            strip(path, start)  # what a process that died wrote stays whole


class Redacted(logging.Formatter):
    """Hides passwords of addresses, in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's text."""
        return redact(super().format(record))


class LogFile(logging.FileHandler):
    """The log file. It lacks what a full disk does not take, and the terminal is spared that."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.setFormatter(Redacted(RECORD))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say nothing of a file that cannot be written."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


@contextmanager
def all_to(path: Path) -> Iterator[None]:
    """Send native chatter and the records of this package to a file, for a caller in Python.

    Where there is no handler, `logging` would show them beside what is said in other words.
    """
    logger, handler = logging.getLogger("sweeps"), LogFile(path)
    with chatter_to(path):
        logger.addHandler(handler)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            with suppress(OSError):  # of what a full disk did not take
                handler.close()


def _writing_to(stream: object) -> list[logging.StreamHandler[Any]]:
    """Return the handlers of all loggers that write to a stream."""
    known = [logging.root, *logging.root.manager.loggerDict.values()]
    handlers = [one for logger in known for one in getattr(logger, "handlers", ())]
    return [h for h in handlers if isinstance(h, logging.StreamHandler) and h.stream is stream]


def _is_native(stream: object) -> bool:
    try:
        return stream.fileno() == 2  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, io.UnsupportedOperation):  # a notebook's, or a test's
        return False


def log_file(folder: Path) -> Path:
    """Return a folder's log file, `/dev/null` where nothing can be written there."""
    path = folder / FILE
    return path if os.access(path if path.exists() else folder, os.W_OK) else Path(os.devnull)


def to_file(folder: Path, verbose: bool = False) -> Path:
    """Send every library's log records and Python's warnings to the log file.

    verbose: they are shown too.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    path = log_file(folder)
    handler = LogFile(path)
    root = logging.getLogger()
    for earlier in root.handlers:  # of an earlier command of this process
        if isinstance(earlier, LogFile):
            with suppress(OSError):
                earlier.close()
    root.handlers[:] = [handler]
    if verbose:
        shown = logging.StreamHandler()
        shown.setFormatter(Redacted("%(levelname)s %(name)s: %(message)s"))
        root.addHandler(shown)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    return path
