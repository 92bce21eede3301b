"""What a fleet costs: four Ray machines of one core each, against a local pool of four workers.

Both train the same trials of the default sweep on the same cores, by turns. Programs are compiled
before the clock starts. A rate is epochs a second of all workers together. With `--scripted`,
epochs only wait for 10 ms, so that nothing but the messages counts. Needs the repository.

    python benchmarks/fleet_rate.py [--machines 4] [--trials 24] [--epochs 60] [--rounds 3]
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from objectives import Source
from objectives.dense_binary import DENSE_BINARY
from objectives.training import Decision, TrialSpec
from search_spaces.dense import Dense
from sweeps.cluster import Fleet
from sweeps.cluster.ray_engine import RayEngine
from sweeps.workers import Pool, Reference
from tests.cluster.ray_cluster import RayCluster
from tests.workers import scripts


def config(number: int, *, scripted: bool) -> Any:
    """Return a config of the one structure, with a learning rate of its own."""
    if scripted:
        return scripts.Script(pause=0.01)
    plain, rate = Dense(), 0.001 * (1 + number)
    return dataclasses.replace(
        plain, optimizer=dataclasses.replace(plain.optimizer, learning_rate=rate)
    )


def specs(trials: int, epochs: int, *, scripted: bool) -> list[TrialSpec]:
    """Return trials that may be judged twice."""
    return [
        TrialSpec(
            number,
            config(number, scripted=scripted),
            seed=number,
            max_epochs=epochs,
            rungs=(epochs // 4, epochs // 2),
            check=False,
        )
        for number in range(trials)
    ]


def rate(pool: Pool, asked: list[TrialSpec]) -> float:
    """Train; return epochs a second."""
    began = time.monotonic()
    results = list(pool.train(iter(asked), lambda *_: Decision.CONTINUE))
    assert not [result.error for result in results if result.error]
    return sum(result.epochs for result in results) / (time.monotonic() - began)


def main() -> None:
    """Print a line a round, and the medians of the rates and of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scripted", action="store_true")
    options = parser.parse_args()
    asked = partial(specs, scripted=options.scripted)
    reference = Reference(module="sweeps.dense_binary")
    kind = {"trainer": "auto"}
    if options.scripted:
        reference, kind = Reference(module="tests.workers.scripts"), {"trainer": scripts.TRAINER}
    with tempfile.TemporaryDirectory(prefix="fleet-rate-") as place:
        folder = Path(place)
        data = scripts.load(None) if options.scripted else DENSE_BINARY.data(Source())
        data.save(folder / "arrays")
        log = folder / "sweep.log"
        with RayCluster(options.machines, folder / "ray.log") as cluster:
            crew = partial(Fleet, RayEngine(cluster.address, log))
            with (
                Pool(reference, options.machines, log=log, **kind) as pool,
                Pool(reference, options.machines, log=log, crew=crew, **kind) as fleet,
            ):
                found: dict[str, list[float]] = {"pool": [], "fleet": []}
                for one in (pool, fleet):
                    one.data(folder / "arrays")
                    rate(one, asked(4 * options.machines, 50))  # until every worker has compiled
                print("epochs a second  pool   fleet  fleet / pool", flush=True)
                for turn in range(options.rounds):
                    trials = asked(options.trials, options.epochs)
                    for name, one in (("pool", pool), ("fleet", fleet))[:: 1 - 2 * (turn % 2)]:
                        found[name].append(rate(one, trials))
                    here, there = found["pool"][-1], found["fleet"][-1]
                    print(f"{'':15}{here:7.1f} {there:7.1f}  {there / here:11.2f}", flush=True)
                here, there = (statistics.median(rates) for rates in found.values())
                pairs = [b / a for a, b in zip(*found.values(), strict=True)]
                line = f"{'medians':15}{here:7.1f} {there:7.1f}  {statistics.median(pairs):11.2f}"
                print(line + f"  (mean {statistics.mean(pairs):.2f})")


if __name__ == "__main__":
    main()
