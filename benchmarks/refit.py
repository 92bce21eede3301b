"""Does it pay to train the winner again on the validation rows too? On generated tables.

A size is the number of training and validation rows together; four times as many rows test. On
every table, size and seed the configs of the portfolio are trained as a sweep trains trials.
The one with the best validation loss is then refitted as `export --refit` does it: on the training
and validation rows together, for the epochs to its best one, with the learning rates of its curve.
So are the nets of the sweep's average of them. Printed are the geometric means of the test loss
after, as a share of the test loss before, with 95% bootstrap intervals over tables and seeds.

    python benchmarks/refit.py [--sizes 300 1000 3000 10000] [--seeds 10] [--only roll signs]
        [--kept FILE]

`--kept` (`refit.jsonl` beside this file) holds what was measured: the command goes on where it was
stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from benchmarks.search_quality import tables

TOTAL = 5  # times the rows that train and choose: the others test, and so tell small differences
VALIDATION = 0.25  # of the rows that train and choose, as a sweep has it
MADE = {
    "stepped": tables.stepped,
    "categories": tables.categories,
    "signs": tables.signs,
    "few": tables.few,
    "roll": tables.roll,
    "blobs": tables.blobs,
    "additive": tables.additive,
    "counts": tables.counts,
}


def trained(objective: Any, trainer: Any, seed: int, place: Path) -> tuple[list[Any], list[Any]]:
    """Return the results of the portfolio's configs, best first, and their learning rates."""
    from objectives.training import Decision, TrialSpec

    found = []
    for number, config in enumerate((objective.space.baseline, *objective.space.portfolio)):
        spec = TrialSpec(
            number,
            config,
            100 * seed + number,
            objective.max_epochs,
            patience=objective.patience_in_epochs,
            weights=place / f"{number}.npz",
        )
        seen: list[float] = []

        def told(_: Any, epoch: int, logs: Any, seen: list[float] = seen) -> Decision:
            seen.append(logs["learning_rate"])
            return Decision.CONTINUE

        (result,) = trainer.train(iter([spec]), told)
        if result.value is not None and np.isfinite(result.value):
            found.append((result, tuple(seen[: result.best_epoch])))
    found.sort(key=lambda one: one[0].value)
    return [one for one, _ in found], [rates for _, rates in found]


def again(spec: Any, rates: tuple[float, ...], place: Path) -> Any:
    """Return the spec that refits a net."""
    from objectives.monitor import LAST

    file = place / f"again-{spec.number}.npz"
    how = {"monitor": LAST, "patience": 0, "rates": rates, "weights": file}
    return dataclasses.replace(spec, max_epochs=len(rates), **how)


def measure(name: str, rows: int, seed: int) -> dict[str, float]:
    """Return the test losses of the best net and of the average, before and after."""
    from benchmarks.search_quality.contestants import sweep_of
    from objectives import Source
    from objectives.reading.joined import joined
    from objectives.training import Decision, here

    x, y = MADE[name](rows * TOTAL)
    parts = {"test": 1.0 - 1.0 / TOTAL, "validation": VALIDATION / TOTAL}
    source = Source(seed=seed, arrays=(x, y), **parts)
    plain = sweep_of(tables.TABLES[name]).objective
    data = plain.data(source)
    objective = plain.on(data)
    before: Any = here(objective, data, "graph")
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        results, rates = trained(objective, before, seed, place)
        average = before.average(results, place / "said")
        after: Any = here(objective, joined(objective, data, source), "graph")
        pairs = zip(results, rates, strict=True)
        now = {one.spec.number: again(one.spec, of, place) for one, of in pairs}
        list(after.train(iter(now.values()), lambda *_: Decision.CONTINUE))
        old = {one.spec.number: one.spec for one in results}
        shares = {"net": [[results[0].spec.number, 1.0]]}
        if "members" in average:
            shares["average"] = average["members"]
        for what, members in shares.items():
            said = place / "after.npz"
            after.together([(now[n], w) for n, w in members], said)
            told = before.together(
                [(old[n], w) for n, w in members], place / "before.npz", beside=said
            )
            found |= {f"{what} before": told["loss"], f"{what} after": told["loss_beside"]}
    return found


def show(runs: list[dict[str, Any]]) -> None:
    """Print the ratios by size, and over all."""
    rng = np.random.default_rng(0)
    for what in ("net", "average"):
        for size in (*sorted({run["rows"] for run in runs}), None):
            logs: dict[tuple[str, int], list[float]] = {}
            for run in runs:
                if size in (None, run["rows"]) and f"{what} after" in run:
                    gap = float(np.log(run[f"{what} after"] / run[f"{what} before"]))
                    logs.setdefault((run["table"], run["rows"]), []).append(gap)
            if not logs:
                continue
            of = list(logs.values())
            drawn = [
                np.mean([np.mean(rng.choice(of[k], len(of[k]))) for k in chosen])
                for chosen in rng.integers(0, len(of), (2000, len(of)))
            ]
            low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
            every = [gap for one in of for gap in one]
            mean = np.exp(np.mean([np.mean(gaps) for gaps in of]))
            print(
                f"{what:<8}{size or 'all':>6} rows: {mean:.3f} "
                f"[{low:.3f}, {high:.3f}]  {len(of)} tables of a size, {len(every)} runs, "
                f"better in {np.mean(np.array(every) < 0):.0%}"
            )
    for table in MADE:
        cells = [
            f"{size}: {np.exp(np.mean(gaps)):.3f}"
            for size in sorted({run["rows"] for run in runs})
            if (
                gaps := [
                    np.log(run["net after"] / run["net before"])
                    for run in runs
                    if (run["table"], run["rows"]) == (table, size)
                ]
            )
        ]
        if cells:
            print(f"  {table:<14}" + "  ".join(cells))


def main() -> None:
    """Measure what is missing, and print what follows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[300, 1000, 3000, 10_000])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=MADE, default=list(MADE))
    parser.add_argument("--kept", type=Path, default=Path(__file__).with_suffix(".jsonl"))
    asked = parser.parse_args()
    with asked.kept.open("a+", encoding="utf-8") as kept:
        kept.seek(0)
        runs = [json.loads(line) for line in kept]
        done = {(run["table"], run["rows"], run["seed"]) for run in runs}
        for seed in range(asked.seeds):
            for rows in asked.sizes:
                for table in asked.only:
                    if (table, rows, seed) in done:
                        continue
                    run = {"table": table, "rows": rows, "seed": seed}
                    runs.append(run | measure(table, rows, seed))
                    print(json.dumps(runs[-1]), file=kept, flush=True)
    show(runs)


if __name__ == "__main__":
    main()
