"""A host's folder on its machine's local disk, removed with it, or by the next host there."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import IO

PREFIX, LOCK = "keras-sweeps-host-", "lock"


class Scratch:
    """A folder that one living process holds."""

    def __init__(self) -> None:
        for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
            _remove_left(folder)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._held = (self.folder / LOCK).open("w")
        _lock(self._held)

    def close(self) -> None:
        """Remove the folder. Safe to call again."""
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _remove_left(folder: Path) -> None:
    """Remove a folder whose host was killed: nobody holds its lock."""
    with contextlib.suppress(OSError), (folder / LOCK).open("r+") as file:
        _lock(file)
        shutil.rmtree(folder, ignore_errors=True)


def _lock(file: IO[str]) -> None:
    """Hold a file until it is closed. Raises OSError where another process holds it."""
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
