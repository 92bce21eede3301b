"""A soak of a fleet: machines, workers, Ray's agent and the driver are killed at random moments.

    python benchmarks/cluster_soak.py [--kills 50] [--machines 4] [--trials 60] [--seed 0]

A sweep on a Ray cluster of four machines (all on this one) is disturbed so often, and ended by
the same command. Then it is held against an undisturbed sweep of the local pool: no trial may be
lost or have two runs, and its results and its curves in MLflow must be the same bits. Exit code 1
if any differs. Trials are scripted, so that it is the machinery that is tried. Needs the
repository.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.cluster.ray_cluster import RayCluster
from tests.faults.test_kills import ROOT, curves, found

DRIVER = """
import json, sys
import sweeps
from tests.scripted import SWEEP
sweeps.run(SWEEP, confirm=0, sampler="random", pruner="none", trainer="tests.scripted:paced",
           **json.loads(sys.argv[1]))
"""


def start(options: str) -> subprocess.Popen[str]:
    """Start the sweep, or go on with it."""
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(options: str) -> str:
    """Bring the sweep to its end."""
    with start(options) as process:
        said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def below(parent: int, module: str) -> list[psutil.Process]:
    """Return the processes that a process has started, directly or not, by their module."""
    family = psutil.Process(parent).children(recursive=True)
    found = []
    for process in family:
        with contextlib.suppress(psutil.Error):
            if module in process.cmdline():
                found.append(process)
    return found


def kill(what: str, cluster: RayCluster, driver: subprocess.Popen[str], rng: random.Random) -> int:
    """Kill one thing; return whether there was one."""
    if what == "machine":
        cluster.do("kill")
        cluster.do("add")
        return 1
    if what == "driver":
        driver.kill()
        return 1
    with contextlib.suppress(psutil.NoSuchProcess):
        if what == "worker":
            victims = below(cluster.pid, "sweeps.workers.process")
        else:
            victims = below(driver.pid, "sweeps.cluster.ray_agent")
        if victims:
            rng.choice(victims).kill()
            return 1
    return 0


def disturb(cluster: RayCluster, options: str, kills: int, seed: int) -> Counter[str]:
    """Kill at random moments, and run the same command where the driver is gone."""
    rng, done = random.Random(seed), Counter[str]()
    driver = start(options)
    while done.total() < kills:
        time.sleep(rng.uniform(0.2, 3.0))
        if driver.poll() is not None:
            said, _ = driver.communicate()
            if driver.returncode == 0:
                return done  # the sweep is at its end
            assert driver.returncode == -9, said
            driver = start(options)
            continue
        what = rng.choice(["machine", "worker", "worker", "driver", "agent"])
        done[what] += kill(what, cluster, driver, rng)
    driver.kill()
    driver.communicate()
    return done


def main() -> int:
    """Disturb, finish and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cluster-soak-") as place:
        disturbed, calm = Path(place, "disturbed"), Path(place, "calm")
        for folder in (disturbed, calm):
            folder.mkdir()
        common = {"trials": options.trials, "seed": options.seed}
        finish(json.dumps({**common, "folder": str(calm), "workers": 1}))
        os.environ["PACE"] = "0.1"  # seconds of an epoch, in the cluster
        with RayCluster(options.machines, Path(place, "ray.log")) as cluster:
            again = json.dumps({**common, "folder": str(disturbed), "cluster": cluster.address})
            done = disturb(cluster, again, options.kills, options.seed)
            finish(again)
        seconds = time.monotonic() - began
        here, there = found(disturbed, options.seed), found(calm, options.seed)
        mine, theirs = curves(disturbed), curves(calm)
    wrong = {
        "lost": options.trials - len(here),
        "other results": sum(a != b for a, b in zip(here, there, strict=False)),
        "other curves": sum(mine.get(number) != curve for number, curve in theirs.items()),
        "further curves": len(mine.keys() - theirs.keys()),
    }
    said = ", ".join(f"{count} {what}" for what, count in sorted(done.items()))
    print(f"killed {done.total()} ({said}) in {seconds:.0f} s; trials {len(here)}")
    print(", ".join(f"{name}: {count}" for name, count in wrong.items()))
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
