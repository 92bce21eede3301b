"""What a sweep should export: rules replayed on the nets of real sweeps of small tables.

    python -m benchmarks.averages [--only digits moons] [--sizes 150 400 1000] [--seeds 0:3]
        [--trials 16] [--minutes 2] [--kept FOLDER] [--show]

Every sweep has the defaults for a user's own table of so many rows, of which a fifth is the
validation part; thousands more test, so that small differences show. What its complete nets
predict is kept in a file a sweep: the command goes on where it was stopped, or where `--minutes`
were over. Then each rule says what would be exported. Printed is the geometric mean over tables
and sweeps of the test loss as a share of what the former rule gave (its average where that led on
validation rows that had not chosen it, else the winner), with a 95% bootstrap interval over
tables and sweeps, by the number of validation rows: first by the sweeps' own, then by rows drawn
from the test part in their place, five times each.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np

from benchmarks.averages.collect import collect
from benchmarks.averages.rules import RULES, Kept
from benchmarks.averages.tables import TABLES
from benchmarks.bootstrap import interval

DRAWN = (30, 80, 200, 500)  # validation rows
DRAWS = 5


def show(title: str, sweeps: Iterable[Kept]) -> None:
    """Print a line a rule."""
    logs: dict[str, dict[str, list[float]]] = {name: {} for name in RULES}
    counts = []
    for kept in sweeps:
        counts.append(len(kept.validation.nets))
        found = {name: kept.log_loss_of(rule(kept)) for name, rule in RULES.items()}
        base = next(iter(found.values()))
        for name, value in found.items():
            logs[name].setdefault(kept.table, []).append(value - base)
    if not counts:
        return
    tables = len(next(iter(logs.values())))
    print(f"\n{title}: {len(counts)} sweeps, {tables} tables, {np.mean(counts):.1f} nets")
    for name, of in logs.items():
        every = np.concatenate(list(of.values()))
        mean = np.exp(np.mean([np.mean(gaps) for gaps in of.values()]))
        low, high = interval(list(of.values()))
        print(
            f"  {name:<30}{mean:.3f} [{low:.3f}, {high:.3f}]  better {np.mean(every < -1e-9):.0%}"
            f"  worse {np.mean(every > 1e-9):.0%}  worst {np.exp(every.max()):.2f}",
            flush=True,
        )


def nearest(rows: int) -> int:
    """Return the count of validation rows that is nearest."""
    return min(DRAWN, key=lambda one: abs(one - rows))


def run(asked: argparse.Namespace) -> bool:
    """Run the sweeps that are missing; return whether none is left."""
    started = time.monotonic()
    first, _, last = asked.seeds.partition(":")
    for seed in range(int(first), int(last)):
        for size in asked.sizes:
            for name in asked.only:
                file = asked.kept / f"{name.replace(' ', '-')}-{size}-{seed}.npz"
                if size not in TABLES[name].sizes(asked.sizes) or file.exists():
                    continue
                if asked.minutes and time.monotonic() - started > 60.0 * asked.minutes:
                    return False
                collect(TABLES[name], size, seed, asked.trials, file)
    return True


def main() -> None:
    """Run what is missing, and print what follows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--sizes", type=int, nargs="+", default=[150, 400, 1000])
    parser.add_argument("--seeds", default="0:3", help="FIRST:END")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--minutes", type=float, help="after which no further sweep begins")
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "averages")
    parser.add_argument("--show", action="store_true", help="run nothing")
    asked = parser.parse_args()
    asked.kept.mkdir(exist_ok=True)
    if not asked.show and not run(asked):
        print("the time is over: the same command goes on")
        return
    kept = [Kept.of(file) for file in sorted(asked.kept.glob("*-[0-9].npz"))]
    for rows in DRAWN:
        near = [one for one in kept if nearest(one.validation.nets.shape[1]) == rows]
        show(f"about {rows} validation rows", near)
    for rows in DRAWN:
        wide = [one for one in kept if one.test.nets.shape[1] >= 2 * rows]
        drawn = (one.drawn(rows, seed) for one in wide for seed in range(DRAWS))
        show(f"{rows} rows drawn from the test part", drawn)


if __name__ == "__main__":
    main()
