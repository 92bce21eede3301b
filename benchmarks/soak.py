"""A soak: sweeps whose driver, worker or both are killed at random moments, 200 times in all.

    python benchmarks/soak.py --kills 200

Each sweep is killed some twenty times, ended, and held against an undisturbed one: its trials,
its curves in MLflow, and that no trial is lost or has two runs. It ends with exit code 1 if any
differs. Trials are scripted, so that it is the machinery that is tried. Needs the repository.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.faults.test_kills import TRIALS, curves, disturb, finish, found

A_SWEEP = 20


def main() -> int:
    """Kill until there were enough kills; print a line a sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=100)
    options = parser.parse_args()
    done, wrong = 0, 0
    print("seed  kills  trials  lost  other result  other curve  seconds", flush=True)
    for seed in count(options.first_seed):
        if done >= options.kills:
            break
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="soak-") as place:
            disturbed, calm = Path(place, "disturbed"), Path(place, "calm")
            disturbed.mkdir()
            calm.mkdir()
            kills = disturb(disturbed, seed, options.workers, min(A_SWEEP, options.kills - done))
            for folder in (disturbed, calm):
                finish(folder, seed, options.workers)
            here, there = found(disturbed, seed), found(calm, seed)
            mine, theirs = curves(disturbed), curves(calm)
        lost = TRIALS - len(here)
        results = sum(a != b for a, b in zip(here, there, strict=False))
        differ = sum(mine.get(number) != curve for number, curve in theirs.items())
        wrong += lost + results + differ + len(mine.keys() - theirs.keys())
        done += kills
        print(
            f"{seed:4}  {kills:5}  {len(here):6}  {lost:4}  {results:12}  {differ:11}"
            f"  {time.monotonic() - started:7.0f}",
            flush=True,
        )
    print(f"{done} kills, {wrong} differences")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
