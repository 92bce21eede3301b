"""A journal on the local disk of everything that is to be sent to MLflow, a stream a trial.

What MLflow has of the streams is kept beside them: in `state.json`, and what has changed since in
a log, so that keeping it takes no longer the more trials there are.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sweeps.tracking.streams import Stream

STUDY = "study"
_LOG = 1_000_000  # bytes of changes after which the state is written anew


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
    """What MLflow has of a study. If this is lost, it is looked up in MLflow again.

    latest: start of the newest run that is known here, in ms since 1970. unchecked: start of the
    oldest one of which it is not known yet that it was made once.
    """

    experiment: str | None = None
    parent: str | None = None
    best: int | None = None
    also: list[int] = field(default_factory=list)  # trials that none beats
    latest: int | None = None
    unchecked: int | None = None
    sent: dict[str, Sent] = field(default_factory=dict)


class Journal:
    """A study's streams (`study`, and one per trial), and how much of them was delivered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._begin()

    def _begin(self) -> None:
        self._log: Stream | None = None
        self._touched: set[str] = set()  # whose state may have changed since it was saved
        self._waiting: set[str] = set()  # streams that may have something to deliver
        self._held: set[str] = set()  # those that may have something to write
        self.streams: dict[str, Stream] = {}
        self.state = self._load()
        sizes: dict[str, int] = {}
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(".jsonl"):
                    sizes[entry.name.removesuffix(".jsonl")] = entry.stat().st_size
        for name in sorted(sizes):
            sent = self.state.sent.get(name)
            whole = sent is not None and sent.offset == sizes[name]  # so no line of it is torn
            self.streams[name] = self._open(name, sizes[name] if whole else None)
            if not whole:
                self._waiting.add(name)
        for name, sent in self.state.sent.items():
            # A stream that is shorter than what was delivered lost its end: deliver it all again.
            if sent.offset > (self.streams[name].size if name in self.streams else 0):
                sent.offset, sent.run = 0, None
                self.state.latest = None  # its run may be an old one
                self._touched.add(name)
                self._waiting.update({name} & self.streams.keys())

    def _open(self, name: str, size: int | None = None) -> Stream:
        stream = Stream(self.folder / f"{name}.jsonl", size)

        def news() -> None:
            self._waiting.add(name)
            if not stream.on_disk:
                self._held.add(name)

        stream.news = news
        return stream

    def stream(self, name: str) -> Stream:
        """Return a stream, which is created if it does not exist."""
        if name not in self.streams:
            self.streams[name] = self._open(name)
        return self.streams[name]

    def sent(self, name: str) -> Sent:
        """Return what MLflow has of a stream, which may be changed."""
        self._touched.add(name)
        return self.state.sent.setdefault(name, Sent())

    def resend(self, name: str) -> None:
        """Have a stream delivered from its beginning."""
        self._touched.add(name)
        self.state.sent[name] = Sent()
        self._waiting.add(name)

    def forget(self) -> None:
        """Have everything delivered from its beginning."""
        self.state, self._log = State(), None
        self._waiting.update(self.streams)

    def pending(self, among: Iterable[str] | None = None) -> list[str]:
        """Return the names of streams to deliver: the study's first, then trials, then others.

        among: those that are looked at, None: all.
        """
        found = []
        for name in list(self._waiting) if among is None else among:
            self._waiting.discard(name)  # before it is looked at: the sweep may add to it
            sent = self.state.sent.get(name)
            if name in self.streams and self.streams[name].size > (sent.offset if sent else 0):
                self._waiting.add(name)
                found.append(name)
        return sorted(found, key=lambda n: (n != STUDY, not n.startswith("trial"), n))

    def undelivered(self) -> int:
        """Return how many items MLflow does not have yet."""
        return sum(
            sum(1 for _ in self.streams[name].read(self.state.sent.get(name, Sent()).offset))
            for name in self.pending()
        )

    @property
    def on_disk(self) -> bool:
        """Whether everything is on disk."""
        for name in list(self._held):
            if name in self.streams and not self.streams[name].on_disk:
                return False
            self._held.discard(name)
        return True

    def write_held(self) -> None:
        """Retry what a full disk refused."""
        for name in list(self._held):
            if name in self.streams and not self.streams[name].on_disk:
                self.streams[name].sync()

    def save(self) -> None:
        """Keep the state. Raises OSError if the disk refuses."""
        if self._log is None or self._log.size > _LOG:
            self._save_all()
            return
        touched = {name for name in list(self._touched) if name in self.state.sent}
        self._log.append(self._plain(touched))
        self._log.sync()
        if not self._log.on_disk:
            raise OSError(f"{self._log.path} cannot be written to")
        self._touched -= touched

    def _plain(self, names: Iterable[str]) -> dict[str, Any]:
        sent = {name: asdict(self.state.sent[name]) for name in names}
        return {k: v for k, v in vars(self.state).items() if k != "sent"} | {"sent": sent}

    def _save_all(self) -> None:
        """Replace the state file atomically, and begin a new log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh, log = self.folder / "state.json.new", f"state-{uuid.uuid4().hex[:8]}.log"
        touched = set(self._touched)
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(self._plain(list(self.state.sent)) | {"log": log}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.folder / "state.json")
        self._log = Stream(self.folder / log)
        self._touched -= touched
        for old in self.folder.glob("state-*.log"):
            if old.name != log:
                with contextlib.suppress(OSError):
                    old.unlink()

    def _load(self) -> State:
        try:
            plain = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
            log = str(plain.pop("log", ""))
            later = [item for _, item in Stream(self.folder / log).read()] if log else []
            sent: dict[str, Any] = {}
            for part in (plain, *later):
                sent |= {name: Sent(**entry) for name, entry in part.pop("sent").items()}
                plain |= part
            return State(**plain, sent=sent)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return State()

    def set_aside(self) -> Path:
        """Move everything to a new folder beside this one, return its path, and start afresh."""
        n = 1
        while (aside := self.folder.with_name(f"{self.folder.name}.old{n}")).exists():
            n += 1
        os.replace(self.folder, aside)
        self._begin()
        return aside
