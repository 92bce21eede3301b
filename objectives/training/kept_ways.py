"""Which way was fastest for a structure, and which ways ended the process, kept on disk."""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from objectives.training.environment import cache_folder
from objectives.training.whole_files import replace


class KeptWays:
    """What this machine knows of one structure, in files under the user's cache folder.

    Without a folder that can be written to, nothing is known and nothing is kept.
    """

    def __init__(self, *key: object) -> None:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        self._file: Path | None = None
        with contextlib.suppress(OSError, RuntimeError):  # no home, or none that can be written
            folder = cache_folder() / "ways"
            folder.mkdir(parents=True, exist_ok=True)
            self._file = folder / f"{name}.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold a lock on the structure: of several processes one measures, the others read."""
        import filelock

        with contextlib.ExitStack() as held:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    held.enter_context(filelock.FileLock(self._file.with_suffix(".lock")))
            yield

    def read(self) -> dict[str, Any]:
        """Return what is known, empty where nothing is."""
        try:
            found = json.loads(self._file.read_text("utf-8")) if self._file else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, **known: Any) -> None:
        """Add to what is known."""
        if self._file is not None:
            text = json.dumps(self.read() | known)
            with contextlib.suppress(OSError):
                replace(self._file, lambda path: path.write_text(text, "utf-8"))

    @contextlib.contextmanager
    def watched(self, way: str) -> Iterator[None]:
        """Note it where the process dies of a fault of its own in the block: see `fatal`.

        TensorFlow ends the process where one of its checks fails, which Python cannot catch; a
        process that is killed from outside leaves no note.
        """
        file = self._noted(way)
        if file is None:
            yield
            return
        on = faulthandler.is_enabled()
        try:
            with file.open("w") as opened:
                faulthandler.enable(opened)
                try:
                    yield
                finally:
                    faulthandler.disable()
                    if on:  # not on sys.stderr, which in a notebook may be no file
                        with contextlib.suppress(OSError, ValueError, RuntimeError):
                            faulthandler.enable(sys.__stderr__)  # type: ignore[arg-type]
        finally:
            file.unlink(missing_ok=True)

    def fatal(self, way: str) -> bool:
        """Return whether a process died of a fault of its own when it went this way."""
        file = self._noted(way)
        try:
            return file is not None and file.stat().st_size > 0
        except OSError:
            return False

    def _noted(self, way: str) -> Path | None:
        return self._file and self._file.with_suffix(f".{way}.fatal")
