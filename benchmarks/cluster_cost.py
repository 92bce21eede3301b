"""What the driver costs beside a cluster: many slots, a long study, PostgreSQL and MLflow.

Slots train nothing: each reports six metrics an epoch, at its time, in the driver's own process.
The pool that gives them work, the loop, TPE over 14 parameters, the pruning rule, the study in
PostgreSQL and an MLflow server (on PostgreSQL too) are the real ones; both servers are started
here, on loopback, and ended. The study has 10,000 ended trials, half of them pruned, with 63
epochs on average, and a running one for each slot; those have more, as TPE proposes what is
seldom pruned. The first minute is left out: MLflow gets the runs of all slots then.

    python benchmarks/cluster_cost.py [--slots 1000] [--pace 10 1] [--ended 10000]

`--pace` are the seconds of an epoch. How many trials a second a core of its own would do for is
computed from the processor time of a trial; it is told too low where the driver is idle, since
MLflow then gets each curve in more parts. It needs PostgreSQL's programs (Debian: postgresql).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.cluster import SWEEP
from benchmarks.cluster.history import Trials, fill_study, fill_tracking, new_ids
from benchmarks.cluster.slots import Measured
from sweeps.cli.progress import Watcher
from sweeps.cli.work import make_tracker
from sweeps.study.parent import parent_run, repair
from sweeps.study.session import Session, opened
from sweeps.study.settings import Settings
from tests.faults.postgres import Postgres, binaries, postgres
from tests.tracking.servers import running

TICK = os.sysconf("SC_CLK_TCK")
MAIN = "MainThread"


@dataclass
class Place:
    """Where a study lives: a folder, and the addresses of its database and of MLflow."""

    folder: Path
    server: Postgres
    mlflow: str

    def settings(self, trials: int) -> Settings:
        """Return what a command would have been given."""
        return Settings(
            trials=trials,
            folder=self.folder,
            storage=self.server.url("study"),
            tracking_uri=self.mlflow,
            quiet=True,
        )


@contextmanager
def place() -> Iterator[Place]:
    """Run both servers while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="keras-sweeps-cluster-"))
    try:
        with postgres() as server:
            server.database("study")
            store = server.database("mlflow").replace("postgresql:", "postgresql+psycopg:")
            with running(
                "server", "--backend-store-uri", store, "--workers", "2",
                "--artifacts-destination", str(folder / "artifacts"),
                ping="/health", log=folder / "mlflow.log",
            ) as address:  # fmt: skip
                yield Place(folder, server, address)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(place: Place, trials: Trials) -> None:
    """Make the study, then fill it."""
    import sqlalchemy

    ids = new_ids(trials.ended)
    settings = place.settings(1)
    with opened(SWEEP, settings, _nothing, make_tracker) as session:
        session.tracker.start_study(parent_run(session, {}))
        session.tracker.close(120)
        study = session.store.study._storage._disk_study  # type: ignore[attr-defined]
        folder = session.folder / "tracking"
    url = place.server.url("study").replace("postgresql:", "postgresql+psycopg:")
    fill_study(sqlalchemy.create_engine(url), study, trials, ids)
    url = place.server.url("mlflow").replace("postgresql:", "postgresql+psycopg:")
    fill_tracking(sqlalchemy.create_engine(url), folder, trials, ids)
    for name in ("study", "mlflow"):
        place.server.execute(name, "ANALYZE")


def _nothing(*_: Any) -> Any:
    raise AssertionError("nothing is trained")


def of_servers() -> dict[str, float]:
    """Return the processor seconds so far of the servers that this process has started."""
    stats = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = entry.read_text().rpartition(")")
        except OSError:
            continue
        parts = rest.split()
        name = head.partition("(")[2]
        stats[int(entry.parent.name)] = name, int(parts[1]), int(parts[11]) + int(parts[12])
    found = {"PostgreSQL": 0.0, "MLflow": 0.0}
    for pid, (name, parent, ticks) in stats.items():
        while parent > 1 and parent != os.getpid():
            parent = stats[parent][1] if parent in stats else 0
        if parent == os.getpid() and pid != os.getpid():
            found["PostgreSQL" if name.startswith("postgres") else "MLflow"] += ticks / TICK
    return found


def of_threads() -> dict[str, float]:
    """Return the processor seconds so far of the driver's lasting threads, by name."""
    return {
        thread.name: time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None and thread.name in (MAIN, "database")
    }


@dataclass
class Gauge:
    """What is read at the ends of the window, and in its middle."""

    session: Session
    read: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self) -> None:
        """Read everything. The journal is counted in bytes, which takes a millisecond."""
        journal = self.session.tracker.journal  # type: ignore[attr-defined]
        sizes = {name: stream.size for name, stream in dict(journal.streams).items()}
        sent = sum(one.offset for name, one in dict(journal.state.sent).items() if name in sizes)
        written = sum(sizes.values())
        self.read.append(
            {
                "written": written, "backlog": written - sent, "wall": time.monotonic(),
                "whole": time.process_time(), **of_threads(), **of_servers(),
            }
        )  # fmt: skip

    def behind(self) -> list[float]:
        """Return by how many seconds of the journal MLflow is behind, at each reading."""
        first, last = self.read[0], self.read[-1]
        rate = (last["written"] - first["written"]) / (last["wall"] - first["wall"])
        return [one["backlog"] / max(rate, 1e-9) for one in self.read]

    def used(self, name: str) -> float:
        """Return the cores that something took."""
        first, last = self.read[0], self.read[-1]
        return float(last.get(name, 0.0) - first.get(name, 0.0)) / (last["wall"] - first["wall"])


def measure(place: Place, trials: Trials, slots: int, pace: float, options: Any) -> list[str]:
    """Open the study, run the loop, and return what was measured."""
    began, wall = time.process_time(), time.monotonic()
    fakes: list[Measured] = []

    def made(*_: Any) -> Measured:
        return fakes[0]

    settings = place.settings(10**6)
    with opened(SWEEP, settings, made, make_tracker) as session:
        opening = time.process_time() - began, time.monotonic() - wall
        gauge = Gauge(session)
        fakes.append(Measured(slots, pace, trials.begun, options.warm, options.seconds, gauge))
        watcher = Watcher(10**6, trials.ended, quiet=True, places=slots)
        watcher.resume(session.store.ended(), session.monitor)
        loop = session.loop(watcher)
        tracked: list[float] = []

        def begin() -> None:
            if not tracked:
                tracked.append(time.monotonic())
                session.tracker.start_study(parent_run(session, {}))
                repair(session, str)
                tracked.append(time.monotonic())

        loop.begin, loop.out_of_time = begin, lambda: fakes[0].over
        loop.run()
        session.tracker.courier.close(1)  # type: ignore[attr-defined]
    return [
        f"opening a study of {trials.ended} ended trials: {opening[0]:.1f} s of the processor, "
        f"{opening[1]:.1f} s; its first epoch waits {tracked[1] - tracked[0]:.1f} s",
        *_lines(gauge, fakes[0], slots, pace),
    ]


def _lines(gauge: Gauge, fake: Measured, slots: int, pace: float) -> list[str]:
    seen, first, last = fake.seen, gauge.read[0], gauge.read[-1]
    seconds = last["wall"] - first["wall"]
    delays = np.percentile(seen.delays or [0.0], [50, 99, 100])
    waits = np.percentile(seen.waits or [0.0], [50, 100])
    whole, search, database = (gauge.used(name) for name in ("whole", MAIN, "database"))
    rest = whole - search - database  # threads of its own, some of which live for a second
    shown = f"search {search:.2f}, database {database:.2f}, MLflow {rest:.2f}"
    asked = len(seen.waits)
    length = seen.epochs / max(seen.trials, 1)
    each = seen.asking / max(asked, 1) + (whole * seconds - seen.asking) / max(seen.trials, 1)
    return [
        f"{slots} slots, an epoch every {pace:g} s, for {seconds:.0f} s:",
        f"  handled {seen.epochs / seconds:.0f} of {slots / pace:.0f} epochs/s, ended "
        f"{seen.trials / seconds:.2f} and proposed {asked / seconds:.2f} trials/s, "
        f"{fake.empty} slots empty at the end",
        f"  driver {whole:.2f} cores ({shown}); servers: MLflow {gauge.used('MLflow'):.2f}, "
        f"PostgreSQL {gauge.used('PostgreSQL'):.2f}",
        f"  processor ms of the search's thread: an epoch's report "
        f"{1e3 * seen.reporting / max(seen.epochs, 1):.2f}, a proposal "
        f"{1e3 * seen.asking / max(asked, 1):.0f}, an end "
        f"{1e3 * seen.ending / max(seen.trials, 1):.1f}",
        f"  a trial, from its proposal to its end with its {length:.0f} epochs, "
        f"takes {1e3 * each:.0f} ms of the driver's processor, all threads: a core "
        f"that does nothing else would do for {1.0 / each:.1f} trials/s (computed)",
        f"  delay of a report, s: median {delays[0]:.3f}, 99th percentile {delays[1]:.3f}, "
        f"longest {delays[2]:.2f}; a free slot waits, s: median {waits[0]:.2f}, "
        f"longest {waits[1]:.2f}",
        "  MLflow is behind by, s: " + ", ".join(f"{one:.0f}" for one in gauge.behind()),
    ]


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--pace", type=float, nargs="+", default=[10.0, 1.0])
    parser.add_argument("--ended", type=int, default=10_000)
    parser.add_argument("--warm", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    if binaries() is None:
        raise SystemExit("PostgreSQL's programs are not installed (Debian: postgresql)")
    for pace in options.pace:
        with place() as where:
            trials = Trials(options.ended, options.slots)
            prepare(where, trials)
            print("\n".join(measure(where, trials, options.slots, pace, options)), flush=True)


if __name__ == "__main__":
    main()
