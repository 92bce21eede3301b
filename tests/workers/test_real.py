"""Workers with the real trainer: the conformance suite, and curves that no worker changes."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from objectives import Data
from objectives.training import Decision, Logs, Outcome, Trainer, TrialResult, TrialSpec
from sweeps.workers import Pool, Reference
from tests.objectives.training.conformance import *  # noqa: F403
from tests.objectives.training.resuming import *  # noqa: F403
from tests.objectives.training.small_objective import Small, data

pytestmark = pytest.mark.slow
REFERENCE = Reference(module="tests.workers.small_sweep")


@pytest.mark.parametrize("what", ["--workers 0", "--workers 2", "train --config c.yaml"])
def test_a_gpu_that_is_not_there_is_said_with_what_tensorflow_sees(
    what: str, tmp_path: Path
) -> None:
    (tmp_path / "c.yaml").write_text(
        "format: 1\nsweep: dense_binary\nconfig: {}\ntraining: {max_epochs: 1, seed: 0}\n"
    )
    command = [sys.executable, "-m", "sweeps.dense_binary", *what.split(), "--device", "gpu"]
    path = str(Path(__file__).parents[2])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("error: ")]
    assert "sees no GPU with CUDA_VISIBLE_DEVICES=-1, only CPU:0; take --device cpu" in line


class Lent:
    """A pool that the caller may close without ending it: starting one takes seconds."""

    def __init__(self, pool: Pool) -> None:
        self.places = pool.places
        self.train = pool.train
        self.evaluate = pool.evaluate

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Trainer]]:
    folder = tmp_path_factory.mktemp("pool")
    pools = [Pool(REFERENCE, 1, log=folder / "sweep.log")]
    count = itertools.count()

    def make(objective: Any, found: Data) -> Trainer:
        if pools[-1]._crew.closed:  # by a KeyboardInterrupt
            pools.append(Pool(REFERENCE, 1, log=folder / "sweep.log"))
        arrays = folder / str(next(count))
        found.save(arrays)
        pools[-1].data(arrays)
        return Lent(pools[-1])

    yield make
    for pool in pools:
        pool.close()


def test_curves_are_the_same_bits_on_any_workers_and_after_a_death(tmp_path: Path) -> None:
    configs = [Small(width=4 + n % 2, dropout=0.2, learning_rate=0.01 * (n + 1)) for n in range(6)]
    specs = [TrialSpec(n, c, seed=n, max_epochs=12, rungs=(4,)) for n, c in enumerate(configs)]
    data().save(tmp_path)
    curves: list[dict[int, list[Logs]]] = []
    killed = []
    for workers in (1, 2):
        with Pool(REFERENCE, workers, log=tmp_path / "sweep.log") as pool:
            pool.data(tmp_path)
            found: dict[int, list[Logs]] = {n: [] for n in range(6)}
            curves.append(found)

            def on_epoch(
                spec: TrialSpec, epoch: int, logs: Logs, found: Any = found, pool: Pool = pool
            ) -> Decision:
                found[spec.number].append({k: v for k, v in logs.items() if k != "epoch_seconds"})
                victims, started = [], set()
                for child in psutil.Process(pool._crew._server._process.pid).children():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        if command := child.cmdline():  # a dying process has none
                            started.add(command[4])
                            victims.append(child)
                assert started <= {"server"}  # forked, not started
                if len(victims) == 2 and (spec.number, epoch) == (2, 4):
                    for victim in victims:
                        victim.kill()
                        killed.append(victim.pid)
                return Decision.CONTINUE

            results: list[TrialResult] = list(pool.train(iter(specs), on_epoch))
        assert {r.outcome for r in results} == {Outcome.COMPLETE}
    assert len(killed) == 2
    assert curves[0] == curves[1]
    assert all(len(curve) == 12 for curve in curves[0].values())
    assert len({str(curve) for curve in curves[0].values()}) == 6
