"""What the tracker was given, on the local disk before it is sent anywhere.

A stream is a file of JSON lines that only grows. It stays readable whatever happens: half a line
that a crash left is cut off, and while the disk is full the rest of the stream is held in memory,
in the same order, until it can be written.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

STUDY = "study"
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_CHUNK = 1 << 20  # bytes read at once
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Stream:
    """One growing file; `size` counts its bytes, those held in memory included."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._held = bytearray()
        self._file: int | None = None
        self._lock = threading.Lock()
        with contextlib.suppress(OSError):
            self.size = self._heal()

    def _heal(self) -> int:
        """Cut half a line off the end; return the size."""
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
        """Whether nothing is held in memory."""
        with self._lock:  # or an item that is just being written would count
            return not self._held

    def append(self, item: Mapping[str, Any]) -> None:
        """Add an item. Never raises where the disk is at fault."""
        line = _encode(item).encode() + b"\n"
        with self._lock:
            self.size += len(line)
            self._held += line
            if len(self._held) == len(line):  # else the disk was full: the courier tries again
                self._write()

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, _APPEND, 0o600)
            while self._held:
                written = os.write(self._file, self._held)
                del self._held[:written]

    def sync(self) -> None:
        """Bring what was appended to the disk itself, as far as it has room."""
        with self._lock:
            if self._held:
                self._write()
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.fsync(self._file)

    def close(self) -> None:
        """Give the file's handle back; another append opens it again."""
        with self._lock:
            if self._file is not None and not self._held:
                os.close(self._file)
                self._file = None

    def read(self, offset: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield every item behind an offset, each with the offset behind it.

        Broken lines are left out; what is appended meanwhile is left for the next call.
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


@dataclass
class Sent:
    """What MLflow has of a stream: the bytes delivered, the run, and how the run looks."""

    offset: int = 0
    run: str | None = None
    role: str = "trial"
    outcome: str = ""
    colour: str = ""


@dataclass
class State:
    """What MLflow has of a study. Losing it costs time, never a point: runs are looked up."""

    experiment: str | None = None
    parent: str | None = None
    best: int | None = None
    sent: dict[str, Sent] = field(default_factory=dict)


class Journal:
    """A study's streams, `study` and one a trial, and how far they were delivered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.streams = {path.stem: Stream(path) for path in sorted(folder.glob("*.jsonl"))}
        self.state = self._load()

    def stream(self, name: str) -> Stream:
        """Return a stream, new or known."""
        if name not in self.streams:
            self.streams[name] = Stream(self.folder / f"{name}.jsonl")
        return self.streams[name]

    def sent(self, name: str) -> Sent:
        """Return what was delivered of a stream."""
        return self.state.sent.setdefault(name, Sent())

    def pending(self) -> list[str]:
        """Return the streams with something to deliver: the study's own, the trials', the rest."""
        names = list(self.streams)  # a copy: the sweep adds streams meanwhile
        found = [name for name in names if self.sent(name).offset < self.streams[name].size]
        return sorted(found, key=lambda n: (n != STUDY, not n.startswith("trial"), n))

    def left(self) -> int:
        """Return how many items are not delivered."""
        return sum(
            sum(1 for _ in self.streams[name].read(self.sent(name).offset))
            for name in self.pending()
        )

    @property
    def on_disk(self) -> bool:
        """Whether nothing is held in memory alone."""
        return all(stream.on_disk for stream in list(self.streams.values()))

    def write_held(self) -> None:
        """Write what a full disk refused, as far as it has room now."""
        for stream in list(self.streams.values()):
            if not stream.on_disk:
                stream.sync()

    def save(self) -> None:
        """Replace the state's file at once. Raises OSError where the disk is at fault."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = self.folder / "state.json.new"
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(asdict(self.state), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.folder / "state.json")

    def _load(self) -> State:
        try:
            plain = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
            sent = {name: Sent(**entry) for name, entry in plain.pop("sent").items()}
            state = State(**plain, sent=sent)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return State()
        for name, entry in state.sent.items():
            # A stream shorter than what was delivered lost its end: it is read again, whole.
            if entry.offset > (self.streams[name].size if name in self.streams else 0):
                entry.offset, entry.run = 0, None
        return state

    def set_aside(self) -> Path:
        """Move everything to a folder of its own beside this one, and begin anew."""
        for stream in self.streams.values():
            stream.close()
        n = 1
        while (aside := self.folder.with_name(f"{self.folder.name}.old{n}")).exists():
            n += 1
        os.replace(self.folder, aside)
        self.streams, self.state = {}, State()
        return aside
