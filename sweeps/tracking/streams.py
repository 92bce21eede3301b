"""Files of JSON lines that only grow, for what must not get lost.

They stay readable whatever happens: half a line that a crash left behind is cut off, and while the
disk is full, new lines are kept in memory, in order, until they can be written.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_CHUNK = 1 << 20  # bytes read at once
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Stream:
    """One growing file. `size` counts its bytes, including those still in memory.

    It is open only while it is written to: a study may have more running trials than a process may
    have open files. size: of a file that is known to be whole. news: is called after every append.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path = path
        self.size = size or 0
        self._held = bytearray()
        self.news: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        if size is None:  # a folder, or nothing, is no file to mend
            with contextlib.suppress(OSError):
                self.size = self._heal()

    def _heal(self) -> int:
        """Remove an incomplete last line; return the size."""
        with open(self.path, "r+b") as file:
            end = size = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - _CHUNK)
                file.seek(start)
                found = file.read(end - start).rfind(b"\n")
                if found >= 0:
                    end = start + found + 1
                    break
                end = start
            if end < size:
                file.truncate(end)
            return end

    @property
    def on_disk(self) -> bool:
        """Whether everything is on disk."""
        with self._lock:  # or an item that is being written would count as held
            return not self._held

    def append(self, item: Mapping[str, Any]) -> None:
        """Add an item. Never raises an error of the disk."""
        line = _encode(item).encode() + b"\n"
        with self._lock:
            self.size += len(line)
            self._held += line
            if len(self._held) == len(line):  # else the disk is full: the courier retries
                self._write()
        self.news()

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            try:
                file = os.open(self.path, _APPEND, 0o600)
            except FileNotFoundError:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                file = os.open(self.path, _APPEND, 0o600)
            try:
                while self._held:
                    written = os.write(file, self._held)
                    del self._held[:written]
            finally:
                os.close(file)

    def sync(self) -> None:
        """Flush everything to disk, as far as there is room. Nobody who appends waits for that."""
        with self._lock:
            if not self.size:
                return
            if self._held:
                self._write()
        with contextlib.suppress(OSError):
            file = os.open(self.path, os.O_WRONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)

    def clear(self) -> None:
        """Forget every item, and remove the file."""
        with self._lock:
            self._held.clear()
            self.size = 0
            with contextlib.suppress(OSError):
                self.path.unlink()

    def rewrite(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Keep these items alone, in a new file in the place of this one; not on a full disk."""
        text = b"".join(_encode(item).encode() + b"\n" for item in items)
        fresh = self.path.with_name(f"{self.path.name}.new")
        with self._lock, contextlib.suppress(OSError):
            with open(fresh, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, self.path)
            self.size = len(text)
            self._held.clear()

    def read(self, offset: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield every item after an offset, each with the offset of its end.

        Broken lines are skipped. Items appended in the meantime are left for the next call.
        """
        with self._lock:
            held = bytes(self._held)
            end, written = self.size, self.size - len(held)
        behind, rest = offset, b""
        while offset < end:
            data = self._at(offset, written) if offset < written else held[offset - written :]
            if not data:
                return
            offset += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                behind += len(line) + 1
                with contextlib.suppress(ValueError):
                    item = json.loads(line)
                    if isinstance(item, dict):
                        yield behind, item

    def _at(self, offset: int, end: int) -> bytes:
        with contextlib.suppress(OSError), open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(min(_CHUNK, end - offset))
        return b""
