"""What a fleet costs: four Ray machines of one core each, against a local pool of four workers.

Both train the same trials of the default sweep on the same cores, by turns. Programs are compiled
before the clock starts. A rate is epochs a second of all workers together.

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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from objectives import Source
from objectives.dense_binary import DENSE_BINARY
from objectives.training import Decision, TrialSpec
from search_spaces.dense import Dense
from sweeps.cluster import Fleet
from sweeps.cluster.ray_engine import RayEngine
from sweeps.workers import Pool, Reference
from tests.cluster.ray_cluster import RayCluster


def specs(trials: int, epochs: int) -> list[TrialSpec]:
    """Return trials of one structure, each with a learning rate of its own."""
    plain = Dense()
    rates = [0.001 * (1 + number) for number in range(trials)]
    return [
        TrialSpec(
            number,
            dataclasses.replace(
                plain, optimizer=dataclasses.replace(plain.optimizer, learning_rate=rate)
            ),
            seed=number,
            max_epochs=epochs,
            rungs=(epochs // 4, epochs // 2),
            check=False,
        )
        for number, rate in enumerate(rates)
    ]


def rate(pool: Pool, asked: list[TrialSpec]) -> float:
    """Train; return epochs a second."""
    began = time.monotonic()
    results = list(pool.train(iter(asked), lambda *_: Decision.CONTINUE))
    assert not [result.error for result in results if result.error]
    return sum(result.epochs for result in results) / (time.monotonic() - began)


def main() -> None:
    """Print a line a round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    reference = Reference(module="sweeps.dense_binary")
    with tempfile.TemporaryDirectory(prefix="fleet-rate-") as place:
        folder = Path(place)
        DENSE_BINARY.data(Source()).save(folder / "arrays")
        log = folder / "sweep.log"
        with RayCluster(options.machines, folder / "ray.log") as cluster:
            crew = partial(Fleet, RayEngine(cluster.address, log))
            with (
                Pool(reference, options.machines, log=log) as pool,
                Pool(reference, options.machines, log=log, crew=crew) as fleet,
            ):
                found: dict[str, list[float]] = {"pool": [], "fleet": []}
                for one in (pool, fleet):
                    one.data(folder / "arrays")
                    rate(one, specs(4 * options.machines, 5))  # until every worker has compiled
                print("epochs a second  pool   fleet  fleet / pool", flush=True)
                for turn in range(options.rounds):
                    asked = specs(options.trials, options.epochs)
                    for name, one in (("pool", pool), ("fleet", fleet))[:: 1 - 2 * (turn % 2)]:
                        found[name].append(rate(one, asked))
                    here, there = found["pool"][-1], found["fleet"][-1]
                    print(f"{'':15}{here:7.1f} {there:7.1f}  {there / here:11.2f}", flush=True)
                here, there = (statistics.median(rates) for rates in found.values())
                print(f"{'median':15}{here:7.1f} {there:7.1f}  {there / here:11.2f}")


if __name__ == "__main__":
    main()
