"""What workers' memory does over 200 trials of mixed structures, with the compiled trainer.

XLA never frees a program, so a worker grows with every new structure until a successor takes its
place. Resident memory counts shared pages in every process; proportional memory (Linux's PSS)
divides them by the processes that share them, and so adds up.

    python benchmarks/memory.py [--trials 200] [--workers 2] [--structures default all]
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from objectives import Source
from objectives.dense_binary import DENSE_BINARY
from objectives.training import Decision, TrialSpec
from search_spaces.dense import Dense
from sweeps.workers import Pool, Reference
from sweeps.workers.orders import GROWTH

FIRST = 20
LIMIT = 300.0


def configs(kind: str, trials: int) -> Iterator[Dense]:
    """Draw configs: "default" has the default space's 20 structures, "all" a new one each time."""
    rng = np.random.default_rng(0)
    for number in range(trials):
        drawn = Dense(width=int(rng.choice([8, 16, 32, 64, 128])), depth=int(rng.integers(1, 5)))
        rate = float(10 ** rng.uniform(-4, -1))
        drawn = dataclasses.replace(
            drawn, optimizer=dataclasses.replace(drawn.optimizer, learning_rate=rate)
        )
        yield drawn if kind == "default" else dataclasses.replace(drawn, batch_size=100 + number)


def megabytes(process: psutil.Process) -> tuple[float, float]:
    """Return resident and proportional memory."""
    found = process.memory_full_info()
    return found.rss / 1e6, found.pss / 1e6


def sample(server: psutil.Process) -> dict[str, float]:
    """Return the memory of the fork server and all workers, a successor on its way included."""
    workers = []
    for child in server.children():
        try:
            workers.append(megabytes(child))
        except psutil.Error:
            continue  # it has just been replaced
    return {
        "largest worker, resident": max(rss for rss, _ in workers),
        "all, proportional": sum(pss for _, pss in workers) + megabytes(server)[1],
        "processes": len(workers),
    }


def run(kind: str, options: argparse.Namespace, growth: float) -> None:
    """Train, sample after every trial, and print."""
    samples: list[dict[str, float]] = []
    structures: dict[int, set[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        DENSE_BINARY.data(Source()).save(folder / "data")
        reference = Reference(module="sweeps.dense_binary")
        log = folder / "sweep.log"
        with Pool(reference, options.workers, log=log, growth=growth) as pool:
            pool.data(folder / "data")
            server = psutil.Process(pool._crew._server._process.pid)
            specs = (
                TrialSpec(number, config, number, options.epochs, DENSE_BINARY.judged_by)
                for number, config in enumerate(configs(kind, options.trials))
            )
            began, compiled = time.perf_counter(), 0
            for result in pool.train(specs, lambda *_: Decision.CONTINUE):
                if result.error or result.fallback:
                    raise SystemExit(result.error or result.fallback)
                compiled += bool(result.extra.get("compiled"))
                structures.setdefault(0, set()).add(result.extra["structure"])
                samples.append(sample(server))
            seconds = time.perf_counter() - began
    print(
        f"\n{kind} space, {options.trials} trials of {len(structures[0])} structures, "
        f"{options.workers} workers, {growth:g} MB a pair beyond the first trials: "
        f"{compiled} compilations, {seconds:.0f} s"
    )
    print(f"{'MB':<26}{'after ' + str(FIRST):>9}{'most':>8}{'last':>8}{'grown':>8}")
    for what in ("largest worker, resident", "all, proportional"):
        values = [one[what] for one in samples]
        after, most = values[FIRST - 1], max(values[FIRST - 1 :])
        kept = "kept" if most - after <= LIMIT else "MISSED"
        print(
            f"{what:<26}{after:>9.0f}{most:>8.0f}{values[-1]:>8.0f}{most - after:>8.0f}  "
            f"<= {LIMIT:g}: {kept}"
        )


def main() -> None:
    """Print one table a space."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument(
        "--structures", choices=["default", "all"], nargs="*", default=["default", "all"]
    )
    parser.add_argument("--growth", type=float, nargs="*", default=[GROWTH])
    options: Any = parser.parse_args()
    for kind in options.structures:
        for growth in options.growth:
            run(kind, options, growth)


if __name__ == "__main__":
    main()
