"""Copies the standard error of workers to the log, without lines that mean nothing to a user."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import IO

HARMLESS = (
    b"Could not find cuda drivers on your machine",  # the terminal says so already
    b"failed call to cuInit",
    b"Error parsing text-format tensorflow.Xla",  # its cache is tried as text first, then read
    b"cpu_feature_guard",
    b"To enable the following instructions",
    # About a cached program: XLA compares its own code preferences, which no processor lists, with
    # the features of the processor. The cache has one folder per processor, so it always fits.
    b"machine features",
    b"Machine type used for XLA",
    b"before absl::InitializeLog() is called",
)


def harmless(line: bytes) -> bool:
    """Return whether a line of native code's output says nothing that a user needs."""
    return any(text in line for text in HARMLESS)


def strip(log: Path, start: int) -> None:
    """Remove the harmless lines from a log, from a position onwards."""
    with log.open("r+b") as file:
        file.seek(start)
        lines = file.readlines()
        if any(map(harmless, lines)):
            file.seek(start)
            file.writelines(line for line in lines if not harmless(line))
            file.truncate()


def to_log(source: IO[bytes], log: Path) -> threading.Thread:
    """Copy lines to a log in a separate thread, until all writers have closed the source."""

    def copy() -> None:
        with source, log.open("ab", buffering=0) as target:
            for line in source:
                if not harmless(line):
                    target.write(line)

    thread = threading.Thread(target=copy, name="worker log", daemon=True)
    thread.start()
    return thread
