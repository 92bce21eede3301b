"""With one machine and one worker, a study on a cluster is the local pool's, to the digit.

The driver is outside of the cluster, a client of it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.cluster.ray_cluster import RayCluster
from tests.commands import python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra [ray] is not installed"),
]
COMMAND = "-m sweeps.dense_binary --trials 4 --max-epochs 6 --workers 1 --confirm 1 --seed 3"


def sweep(folder: Path, *more: str) -> str:
    folder.mkdir()
    done = python([*COMMAND.split(), *more], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def untimed(value: Any) -> Any:
    """Plain data without what the clock tells, and without MLflow's random names."""
    if isinstance(value, dict):
        own = {key: inner for key, inner in value.items() if key != "run_id"}
        return {key: untimed(inner) for key, inner in own.items() if "seconds" not in key}
    return [untimed(inner) for inner in value] if isinstance(value, list) else value


def rows(folder: Path) -> list[Any]:
    study = optuna.load_study(
        study_name="dense_binary", storage=f"sqlite:///{folder / 'optuna.db'}"
    )
    found = [
        {
            "number": trial.number,
            "state": trial.state,
            "values": trial.values,
            "params": trial.params,
            "intermediate_values": trial.intermediate_values,
            **untimed(trial.user_attrs),
        }
        for trial in study.trials
    ]
    return [*found, untimed(study.user_attrs["final"]), untimed(study.user_attrs["confirm"])]


def test_a_study_on_a_cluster_equals_the_local_one(tmp_path: Path) -> None:
    sweep(tmp_path / "local")
    with RayCluster(1, tmp_path / "log", outside=True) as cluster:
        shown = sweep(tmp_path / "cluster", "--cluster", cluster.address)
    assert f"1 worker on the cluster at {cluster.address}" in shown
    assert "ray.init()" in (tmp_path / "cluster" / "sweep.log").read_text("utf-8")
    for there, here in zip(rows(tmp_path / "cluster"), rows(tmp_path / "local"), strict=True):
        assert there == here
    weights = [
        sorted((tmp_path / name).glob(".sweeps/*/weights/*")) for name in ("cluster", "local")
    ]
    assert [file.name for file in weights[0]] == [file.name for file in weights[1]]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(*weights, strict=True))
