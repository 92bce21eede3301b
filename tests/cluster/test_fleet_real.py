"""A fleet with the real trainer: the conformance suite, and a machine that is lost mid-trial."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from objectives import Data
from objectives.training import Decision, Logs, Outcome, Trainer, TrialSpec
from sweeps.cluster import Fleet
from sweeps.workers import Pool, Reference
from tests.cluster.in_process import InProcess
from tests.objectives.training.conformance import *  # noqa: F403
from tests.objectives.training.conformance import spec
from tests.objectives.training.resuming import *  # noqa: F403
from tests.objectives.training.small_objective import SMALL, Small
from tests.workers.test_real import Lent

pytestmark = pytest.mark.slow
REFERENCE = Reference(module="tests.workers.small_sweep")


def pool(folder: Path, engine: InProcess, workers: int = 1) -> Pool:
    return Pool(REFERENCE, workers, log=folder / "sweep.log", crew=partial(Fleet, engine))


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Trainer]]:
    folder = tmp_path_factory.mktemp("fleet")
    pools = [pool(folder, InProcess())]
    count = itertools.count()

    def make(objective: Any, found: Data) -> Trainer:
        if pools[-1]._crew.closed:  # by a KeyboardInterrupt
            pools.append(pool(folder, InProcess()))
        arrays = folder / str(next(count))
        found.save(arrays)
        pools[-1].data(arrays)
        return Lent(pools[-1])

    yield make
    for one in pools:
        one.close()


def test_a_trial_goes_on_elsewhere_from_its_last_checkpoint(
    tmp_path: Path, factory: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.cluster.host.LOOK", 0.0)
    config = Small(dropout=0.3, normalized=True)
    plain = spec(config, max_epochs=60, rungs=(20, 40), weights=tmp_path / "plain.npz")
    moved = dataclasses.replace(
        plain,
        weights=tmp_path / "moved.npz",
        checkpoint=tmp_path / "checkpoints" / "00000",
        checkpoint_every=0.0,
    )
    curves: dict[Any, list[Logs]] = {plain.weights: [], moved.weights: []}
    engine = InProcess(each=1)

    def on_epoch(of: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curves[of.weights].append({k: v for k, v in logs.items() if k != "epoch_seconds"})
        assert len(curves[of.weights]) == epoch
        kept = of.checkpoint is not None and any(of.checkpoint.parent.glob("*.npz"))
        if kept and epoch > 20 and len(engine.hosts) == 2:
            engine.kill(next(host for host, one in engine.hosts.items() if one._at))
        return Decision.CONTINUE

    (undisturbed,) = factory(SMALL, data()).train(iter([plain]), on_epoch)  # noqa: F405
    data().save(tmp_path / "arrays")  # noqa: F405
    with pool(tmp_path, engine, 2) as fleet:
        fleet.data(tmp_path / "arrays")
        (result,) = fleet.train(iter([moved]), on_epoch)
    assert len(engine.hosts) == 1
    assert result.extra["resumed_epoch"] > 0
    assert curves[moved.weights] == curves[plain.weights]
    assert (result.outcome, result.value) == (Outcome.COMPLETE, undisturbed.value)
    with np.load(tmp_path / "plain.npz") as one, np.load(tmp_path / "moved.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one)
