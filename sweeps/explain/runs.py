"""Repeats of probes as they ended, kept as JSON lines so that an explanation goes on where it was.

A line says that a run has begun (its key and its number) or how it ended. The key is a digest of
everything that sets its curve, so that nothing is taken for something else.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sweeps.explain.changes import Probe, Reference
from sweeps.explain.configs import plain

FILE = "probes.jsonl"
FIRST, MOST = 5, 10  # repeats: of everything, and of what is still undecided
LEAST = 3  # repeats: with fewer nothing is decided


@dataclass(frozen=True)
class Run:
    """One repeat of one probe.

    outcome: complete, diverged or failed. value: its best monitored value, None if no epoch was
    finite. curves: metric -> one value an epoch; a diverged one ends with NaN. seconds: of
    training. number: of the tracker's run, `run_id` its identity there.
    """

    key: str
    probe: str
    repeat: int
    seed: int
    number: int
    outcome: str
    value: float | None
    seconds: float
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    error: str | None = None
    run_id: str | None = None


def key_of(reference: Reference, probe: Probe, seed: int) -> str:
    """Return the digest of what sets a run's curve: 16 hex digits."""
    whole = [
        plain(probe.config),
        probe.max_epochs,
        probe.share,
        seed,
        reference.monitor.name,
        reference.monitor.mode,
        reference.data,
    ]
    text = json.dumps(whole, sort_keys=True, default=repr)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:16]


class Record:
    """The runs of one explanation, on disk in a folder and in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self.ended: dict[str, Run] = {}
        self.numbers: dict[str, int] = {}
        for line in self._lines():
            self.numbers[line["key"]] = line["number"]
            if line.get("outcome", "failed") != "failed":  # what failed may work another day
                self.ended[line["key"]] = Run(**line)

    def number(self, key: str) -> int:
        """Return a run's number, the next one where it never began; it is on disk before use."""
        if key not in self.numbers:
            number = max(self.numbers.values(), default=-1) + 1
            self._append({"key": key, "number": number})
            self.numbers[key] = number
        return self.numbers[key]

    def end(self, run: Run) -> None:
        """Keep a run for good."""
        self._append(asdict(run))
        self.ended[run.key] = run

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            if file.tell() and not self._whole():
                file.write("\n")  # a kill left half a line: it shall not spoil this one
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _whole(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for text in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and "key" in line:
                yield line


def clean(value: Any) -> Any:
    """Return plain data that JSON can hold: what is not finite becomes None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner) for inner in value]
    return value
