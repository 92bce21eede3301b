"""Repeats of probes, kept as JSON lines so that an explanation continues where it stopped.

A line says that a run has begun (its key and number) or how it ended. The key is a digest of
everything that determines the curve, so that no run is mistaken for another.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sweeps.explain.changes import Probe, Reference
from sweeps.explain.configs import to_plain_data
from sweeps.tracking.streams import Stream

FILE = "probes.jsonl"
FIRST, MOST = 5, 10  # repeats: of all probes, and of those still undecided
LEAST = 3  # repeats: with fewer, nothing is decided


@dataclass(frozen=True)
class Run:
    """One repeat of one probe.

    outcome: complete, diverged or failed. value: its best monitored value, None if no epoch was
    finite. curves: for each metric, one value per epoch; a diverged one ends with NaN. seconds: of
    training. number: of the tracker's run. run_id: its ID there.
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
    """Return 16 hex digits that identify everything that determines a run's curve."""
    whole = [
        to_plain_data(probe.config),
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
        self._stream = Stream(folder / FILE)
        self.ended: dict[str, Run] = {}
        self.numbers: dict[str, int] = {}
        for _, line in self._stream.read():
            self.numbers[line["key"]] = line["number"]
            if line.get("outcome", "failed") != "failed":  # a failed run is tried again
                self.ended[line["key"]] = Run(**line)

    def number(self, key: str) -> int:
        """Return a run's number, or assign the next one and write it to disk."""
        if key not in self.numbers:
            number = max(self.numbers.values(), default=-1) + 1
            self._append({"key": key, "number": number})
            self.numbers[key] = number
        return self.numbers[key]

    def end(self, run: Run) -> None:
        """Write a finished run to disk."""
        self._append(asdict(run))
        self.ended[run.key] = run

    def _append(self, line: Mapping[str, Any]) -> None:
        self._stream.append(line)
        self._stream.sync()
        if not self._stream.on_disk:
            raise OSError(f"cannot write to {self._stream.path}: disk full or read-only?")


def clean(value: Any) -> Any:
    """Return data that JSON can hold: values that are not finite become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean(inner) for inner in value]
    return value
