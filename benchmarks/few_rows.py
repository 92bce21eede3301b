"""Sweeps on few rows: one validation part, folds, and an untuned net.

Tables are drawn from three sources: 400 rows to learn from, and 2,800 that test. On each, a sweep
of 20 trials with the defaults for a user's own data, the same with `--folds 5`, and an untuned
sensible net (128-128, dropout 0.3, AdamW 1e-3, early stopping), one and the average of three.
Printed are test losses of what each exports, seconds, and the geometric mean of ratios with its
95% bootstrap interval over tables.

    python benchmarks/few_rows.py [--rows 400] [--seeds 3]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.bootstrap import interval
from benchmarks.search_quality import contestants
from benchmarks.search_quality.tables import Table, few, shipped

TEST, ALL = 0.875, 40_000
CLUSTERS = {"n_features": 15, "n_informative": 6, "n_classes": 3, "flip_y": 0.1, "random_state": 4}
SOURCES = {
    "curved": ("dense_binary", lambda: few(ALL)),
    "clusters": (
        "dense_multiclass",
        lambda: shipped("make_classification", n_samples=ALL, **CLUSTERS),
    ),
    "friedman1": (
        "dense_regression",
        lambda: shipped("make_friedman1", n_samples=ALL, noise=1.0, random_state=5),
    ),
}
WAYS = ("one validation part", "folds", "untuned net", "average of three")


def drawn(name: str, rows: int, seed: int) -> Table:
    """Return a table of rows that another seed does not have."""
    sweep, make = SOURCES[name]
    x, y = make()
    picked = np.random.default_rng(seed).permutation(len(x))[: round(rows / (1 - TEST))]
    return Table(sweep, lambda: (x[picked], y[picked]))


def exported(table: Table, seed: int, **options: Any) -> float:
    """Return the test loss of what a sweep exports."""
    sweep, budget = contestants.sweep_of(table), contestants.Budget(trials=20)
    how: dict[str, Any] = {"average": True, "workers": 2, "track": True, "test": TEST}
    return contestants.ours(sweep, table, seed, budget, **how, **options)["exported"]


def measure(name: str, rows: int, seed: int) -> dict[str, tuple[float, float]]:
    """Return each way's test loss and seconds."""
    from objectives import Source

    table, found = drawn(name, rows, seed), {}
    for way, options in ((WAYS[0], {"validation": (1 - TEST) / 5}), (WAYS[1], {"folds": 5})):
        began = time.monotonic()
        found[way] = exported(table, seed, **options), time.monotonic() - began
    source = Source(seed=seed, arrays=(), test=TEST, validation=(1 - TEST) / 5)
    data = contestants.sweep_of(table).objective.from_arrays(*(table.make or tuple)(), source)
    began, said = time.monotonic(), []
    for way, nets in zip(WAYS[2:], (1, 3), strict=True):
        while len(said) < nets:
            budget = contestants.Budget(trials=1)
            said.append(contestants.net(data, table.task, 1000 * seed + len(said), budget))
        lost = contestants.loss(data, np.mean(said, axis=0), table.task)
        found[way] = lost, time.monotonic() - began
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    print(f"{'source':<10} {'seed':>4}  " + "  ".join(f"{way:>20}" for way in WAYS))
    logs: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for name in SOURCES:
        of = []
        for seed in range(asked.seeds):
            found = measure(name, asked.rows, seed)
            cells = (f"{found[way][0]:.4f} ({found[way][1]:.0f} s)" for way in WAYS)
            print(f"{name:<10} {seed:>4}  " + "  ".join(f"{c:>20}" for c in cells), flush=True)
            of.append(found)
        for way in WAYS:
            logs[way].append([float(np.log(one["folds"][0] / one[way][0])) for one in of])
    for way in WAYS:
        if way != "folds":
            low, high = interval(logs[way])
            mean = np.exp(np.mean([np.mean(one) for one in logs[way]]))
            print(f"folds / {way}: {mean:.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
