"""The tracker for MLflow: it writes to the journal, from which the courier delivers."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sweeps.tracking import EndedTrial, StudyRun, Tracker, TrialRun
from sweeps.tracking.client import load
from sweeps.tracking.courier import Courier
from sweeps.tracking.delivery import Delivery
from sweeps.tracking.journal import STUDY, Journal
from sweeps.tracking.limits import finite
from sweeps.tracking.runs import stream_name
from sweeps.tracking.streams import Stream
from sweeps.tracking.view import address

log = logging.getLogger("sweeps.tracking")


@dataclass
class _Open:
    """A trial of this session: its stream, the last epoch in it, and whether it has ended."""

    stream: Stream
    epoch: int = 0
    ended: bool = False


class MlflowTracker(Tracker):
    """Tracks one study in one store. A study has at most one tracker at a time.

    Args:
        uri: MLflow's tracking URI; a file's path in it is absolute.
        folder: The study's own folder, on a local disk. The journal is in `tracking` inside it.
    """

    def __init__(self, uri: str, folder: Path) -> None:
        self.uri = uri
        self.journal = Journal(folder / "tracking")
        self.delivery = Delivery(uri, self.journal)
        self.courier = Courier(self.delivery)
        self._open: dict[int, _Open] = {}
        self._best: list[int] = []
        self._undelivered = self.journal.undelivered()

    def prepare(self) -> None:
        """Import MLflow in a thread of its own."""

        def quietly() -> None:
            with contextlib.suppress(Exception):  # the courier meets it again, and tells
                load(self.uri)

        # Not a daemon thread: one that is stopped inside C++ code when the process ends aborts it.
        threading.Thread(target=quietly, name="mlflow").start()

    def start_study(self, study: StudyRun) -> None:
        """Create or reopen the parent run, and prepare its MLflow page."""
        known = [item for _, item in self.journal.stream(STUDY).read() if item["do"] == "study"]
        if known and study.instance and known[-1]["instance"] not in ("", study.instance):
            aside = self.journal.set_aside()
            log.warning("study %r is new: an older one's curves are in %s", study.name, aside)
        self._study({"do": "study", **asdict(study), "time": _now()})
        self.courier.start()

    def _study(self, item: Mapping[str, Any]) -> None:
        self.journal.stream(STUDY).append(item)
        self.courier.wake(STUDY)

    def start_trial(self, trial: TrialRun) -> None:
        """Create or reopen the child run of this number and role."""
        stream = self.journal.stream(stream_name(trial.role, trial.number))
        item = json.loads(json.dumps({"do": "trial", **asdict(trial)}, default=str))
        known, open_trial = None, _Open(stream)
        for _, old in stream.read():
            if old["do"] == "trial":
                known, open_trial = old, _Open(stream)
            open_trial.epoch = max(open_trial.epoch, old.get("epoch", 0))
            open_trial.ended |= old["do"] == "end"
        if known is None or any(known[part] != item[part] for part in ("params", "seed")):
            # The study's store lost its last trials, and this number was given to a new one.
            again = {"again": True} if known else {}
            stream.append({**item, **again, "time": _now()})
            open_trial = _Open(stream)
        self._open[trial.number] = open_trial

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record one epoch's finite metrics, unless this epoch was recorded before."""
        self.courier.look()
        trial = self._open[number]
        if epoch > trial.epoch and not trial.ended:
            trial.epoch = epoch
            trial.stream.append(
                {"do": "epoch", "epoch": epoch, "time": _now(), "metrics": finite(metrics)}
            )

    def end_trial(
        self,
        number: int,
        outcome: str,
        metrics: Mapping[str, float],
        params: Mapping[str, str] = {},
    ) -> None:
        """Record a trial's final metrics (at step 0), params and outcome, and end its run."""
        trial = self._open.pop(number)
        if not trial.ended:
            trial.stream.append(
                {
                    "do": "end",
                    "outcome": outcome,
                    "time": _now(),
                    "metrics": finite(metrics),
                    "params": dict(params),
                }
            )
        self.courier.wake(trial.stream.path.stem)

    def interrupt_trial(self, number: int) -> None:
        """Flush a trial that will be continued later; its run stays open."""
        self.courier.wake(self._open.pop(number).stream.path.stem)

    def mark_best(self, number: int, also: Sequence[int] = ()) -> None:
        """Mark this trial as the best one so far, and those that none beats; and no other."""
        marked = [number, *also]
        if marked != self._best:
            self._best = marked
            self._study({"do": "best", "number": number, "also": list(also)})

    def repair(self, ended: Iterable[EndedTrial], say: Callable[[str], None]) -> None:
        """Make the runs agree with the study's store, beside the training.

        say: takes a line per repair, from the courier's thread, once MLflow has it.
        """
        from sweeps.tracking.repair import Repair

        repair = Repair(self.delivery, ended, self._undelivered)

        def task() -> bool:
            if not repair.step():
                return False
            for line in repair.messages:
                say(line)
            return True

        self.courier.after_delivery(task)

    def resume(self) -> None:
        """Deliver what an earlier process has left, where no study is started."""
        if self._undelivered:
            self.courier.start()

    def end_study(
        self, metrics: Mapping[str, float], *, summary: str = "", files: Mapping[str, Path] = {}
    ) -> None:
        """Record the parent's metrics, its note (Markdown) and files (artifact path -> file)."""
        # Relative to the journal, so that they are found even if the folder is moved first.
        here = self.journal.folder.resolve()
        paths = {to: os.path.relpath(Path(file).resolve(), here) for to, file in files.items()}
        self._study(
            {
                "do": "end",
                "time": _now(),
                "metrics": finite(metrics),
                "summary": summary,
                "files": paths,
            }
        )

    def run_id(self, number: int, role: str = "trial") -> str | None:
        """Return the run ID of a trial, or of a run of another role, once it is known."""
        sent = self.journal.state.sent.get(stream_name(role, number))
        return sent.run if sent else None

    def address(self) -> str | None:
        """Return the address of this study's page under `mlflow ui`, once it is known."""
        state = self.journal.state
        if state.experiment is None or state.parent is None:
            return None
        return address(self.uri, state.experiment, state.parent)

    def close(self, timeout: float = 30.0) -> int:
        """Deliver what is queued, within `timeout` seconds; return how many items remain.

        They stay in the journal, and `tracking.sync` sends them later.
        """
        self.courier.close(timeout)
        for name in self.journal.pending():
            self.journal.stream(name).sync()
        return self.journal.undelivered()


def _now() -> int:
    return int(time.time() * 1000)
