"""What workers write to their standard error goes to the log, but for lines that mean nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import IO

HARMLESS = (
    b"Could not find cuda drivers on your machine",  # no GPU: said on the terminal
    b"failed call to cuInit",
    b"Error parsing text-format tensorflow.Xla",  # its cache is tried as text first, then read
    b"cpu_feature_guard",
    b"To enable the following instructions",
    # Of a program in the cache, whose folder is named by the processor: XLA compares its own
    # preferences for code, which no processor lists, with the processor's features.
    b"machine features",
    b"Machine type used for XLA",
    b"before absl::InitializeLog() is called",
)


def harmless(line: bytes) -> bool:
    """Return whether a line of native code's means nothing to whoever reads a log."""
    return any(text in line for text in HARMLESS)


def strip(log: Path, start: int) -> None:
    """Take the harmless lines out of a log, from a position on."""
    with log.open("r+b") as file:
        file.seek(start)
        lines = file.readlines()
        if any(map(harmless, lines)):
            file.seek(start)
            file.writelines(line for line in lines if not harmless(line))
            file.truncate()


def to_log(source: IO[bytes], log: Path) -> threading.Thread:
    """Copy lines to a log in a thread of its own, until the source is closed by its writers."""

    def copy() -> None:
        with source, log.open("ab", buffering=0) as target:
            for line in source:
                if not harmless(line):
                    target.write(line)

    thread = threading.Thread(target=copy, name="worker log", daemon=True)
    thread.start()
    return thread
