"""A journal on the local disk of everything that is to be sent to MLflow.

A stream is a file of JSON lines that only grows. It stays readable whatever happens: half a line
that a crash left behind is cut off, and while the disk is full, new lines are kept in memory, in
order, until they can be written.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

STUDY = "study"
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_CHUNK = 1 << 20  # bytes read at once
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Stream:
    """One growing file. `size` counts its bytes, including those still in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._held = bytearray()
        self._file: int | None = None
        self._lock = threading.Lock()
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

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = os.open(self.path, _APPEND, 0o600)
            while self._held:
                written = os.write(self._file, self._held)
                del self._held[:written]

    def sync(self) -> None:
        """Flush everything to disk, as far as there is room."""
        with self._lock:
            if self._held:
                self._write()
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.fsync(self._file)

    def close(self) -> None:
        """Close the file; another append opens it again."""
        with self._lock:
            if self._file is not None and not self._held:
                os.close(self._file)
                self._file = None

    def clear(self) -> None:
        """Forget every item, and remove the file."""
        with self._lock:
            self._held.clear()
            self.size = 0
            with contextlib.suppress(OSError):
                if self._file is not None:
                    os.close(self._file)
                self._file = None
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
            if self._file is not None:
                os.close(self._file)
            self._file, self.size = None, len(text)
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


@dataclass
class Sent:
    """What MLflow has of a stream: bytes delivered, the run, and the run's appearance."""

    offset: int = 0
    run: str | None = None
    role: str = "trial"
    outcome: str = ""
    colour: str = ""


@dataclass
class State:
    """What MLflow has of a study. If this is lost, it is looked up in MLflow again."""

    experiment: str | None = None
    parent: str | None = None
    best: int | None = None
    also: list[int] = field(default_factory=list)  # trials that none beats
    sent: dict[str, Sent] = field(default_factory=dict)


class Journal:
    """A study's streams (`study`, and one per trial), and how much of them was delivered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.streams = {path.stem: Stream(path) for path in sorted(folder.glob("*.jsonl"))}
        self.state = self._load()

    def stream(self, name: str) -> Stream:
        """Return a stream, which is created if it does not exist."""
        if name not in self.streams:
            self.streams[name] = Stream(self.folder / f"{name}.jsonl")
        return self.streams[name]

    def sent(self, name: str) -> Sent:
        """Return what MLflow has of a stream."""
        return self.state.sent.setdefault(name, Sent())

    def pending(self) -> list[str]:
        """Return the names of streams to deliver: the study's first, then trials, then others."""
        names = list(self.streams)  # a copy, since the sweep may add streams
        found = [name for name in names if self.sent(name).offset < self.streams[name].size]
        return sorted(found, key=lambda n: (n != STUDY, not n.startswith("trial"), n))

    def undelivered(self) -> int:
        """Return how many items MLflow does not have yet."""
        return sum(
            sum(1 for _ in self.streams[name].read(self.sent(name).offset))
            for name in self.pending()
        )

    @property
    def on_disk(self) -> bool:
        """Whether everything is on disk."""
        return all(stream.on_disk for stream in list(self.streams.values()))

    def write_held(self) -> None:
        """Retry what a full disk refused."""
        for stream in list(self.streams.values()):
            if not stream.on_disk:
                stream.sync()

    def save(self) -> None:
        """Replace the state file atomically. Raises OSError if the disk refuses."""
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
            # A stream that is shorter than what was delivered lost its end: deliver it all again.
            if entry.offset > (self.streams[name].size if name in self.streams else 0):
                entry.offset, entry.run = 0, None
        return state

    def set_aside(self) -> Path:
        """Move everything to a new folder beside this one, return its path, and start afresh."""
        for stream in self.streams.values():
            stream.close()
        n = 1
        while (aside := self.folder.with_name(f"{self.folder.name}.old{n}")).exists():
            n += 1
        os.replace(self.folder, aside)
        self.streams, self.state = {}, State()
        return aside
