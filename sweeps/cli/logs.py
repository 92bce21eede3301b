"""Library chatter goes to `sweep.log`: the terminal is for what the user asked."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "sweep.log"


@contextmanager
def chatter_to(path: Path) -> Iterator[None]:
    """Send what native code writes to standard error to a file: TensorFlow, as it is imported."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with path.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def to_file(folder: Path) -> Path:
    """Send every library's log records and Python's warnings to the log file."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    path = folder / FILE
    try:
        handler: logging.Handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk is no reason to fill the terminal
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    return path
