"""Any process killed at any moment: the same command goes on, nothing is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sweeps.study.session import opened
from sweeps.study.settings import Settings
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
TRIALS = 40
KILLS = int(os.environ.get("KILLS", "9"))
DRIVER = f"""
import json, os, sys
import sweeps
from tests.scripted import SWEEP
options = {{"trials": {TRIALS}, **json.loads(os.environ.get("OPTIONS", "{{}}"))}}
sweeps.run(SWEEP, seed=int(sys.argv[2]), workers=int(sys.argv[3]), confirm=0,
           trainer="tests.scripted:paced", folder=sys.argv[1], **options)
"""


def start(folder: Path, seed: int, workers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(seed), str(workers)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path, seed: int, workers: int) -> str:
    with start(folder, seed, workers) as process:
        assert process.stdout is not None
        said = process.stdout.read()
    assert process.returncode == 0, said
    return said


def disturb(folder: Path, seed: int, workers: int, kills: int) -> int:
    """Kill the driver, a worker or the whole group at random moments; return how often."""
    rng = random.Random(seed)
    done = 0
    for _ in range(3 * kills):
        if done >= kills:
            break
        with start(folder, seed, workers) as process:
            assert process.stdout is not None
            process.stdout.readline()  # "starting", before anything is opened
            line = process.stdout.readline()  # it has begun
            deadline = time.monotonic() + rng.uniform(0.0, 0.6)
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.005)
            if process.poll() is None and line:
                kill(process, rng.choice(["driver", "everything", "worker"]))
                done += 1
            else:
                process.kill()
            process.stdout.read()
    return done


def kill(process: subprocess.Popen[str], what: str) -> None:
    import psutil

    driver = psutil.Process(process.pid)
    workers = list(driver.children(recursive=True))
    if what == "worker" and workers:
        workers[-1].send_signal(signal.SIGKILL)
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    elif what == "driver":
        process.send_signal(signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in workers):
        assert time.monotonic() < deadline, "a worker outlives its driver"
        time.sleep(0.02)


def found(folder: Path, seed: int, **more: Any) -> list[Any]:
    settings = Settings(folder=folder, seed=seed, trainer="tests.scripted:paced", **more)
    with opened(SWEEP, settings, None, lambda *_: NoTracker(), reading=True) as session:  # type: ignore[arg-type]
        return [
            (t.number, dict(t.params), t.seed, t.outcome, t.value, t.best_epoch, t.epochs)
            for t in session.store.ended()
        ]


def curves(where: Path | str) -> dict[int, list[tuple[int, float]]]:
    """Return every trial's points in MLflow, and check its outcome's bookkeeping.

    where: a folder with a store of its own, or an address.
    """
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{where / 'mlflow.db'}" if isinstance(where, Path) else where)
    experiment = client.get_experiment_by_name("toy")
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    children = [run for run in runs if "sweeps.number" in run.data.tags]
    assert len(runs) == len(children) + 1
    result = {}
    for run in children:
        number = int(run.data.tags["sweeps.number"])
        assert number not in result, f"trial {number} has two runs"
        points = client.get_metric_history(run.info.run_id, "val_loss")
        result[number] = [(point.step, point.value) for point in points]
        assert len(points) == int(run.data.metrics["epochs"])
        assert run.info.status == {"complete": "FINISHED"}.get(
            run.data.params["outcome"], "KILLED"
        )
    return result


@pytest.mark.parametrize("seed", [1, 2])
def test_a_sweep_killed_again_and_again_is_the_undisturbed_one(seed: int, tmp_path: Path) -> None:
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    for folder in (disturbed, calm):
        folder.mkdir()
    assert disturb(disturbed, seed, 1, KILLS) > 0
    finish(disturbed, seed, 1)
    finish(calm, seed, 1)
    assert found(disturbed, seed) == found(calm, seed)
    assert len(found(calm, seed)) == TRIALS
    assert curves(disturbed) == curves(calm)
