"""A new MLflow store is there whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeps.tracking.client import connect

ROOT = Path(__file__).parents[2]


def test_what_a_kill_left_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db.new").write_bytes(b"half of a store")
    (tmp_path / "mlflow.db").touch()  # of a connection that made nothing
    client = connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    made = client.create_experiment("toy", artifact_location="file:///nowhere")
    assert client.get_experiment(made).name == "toy"
    assert not list(tmp_path.glob("mlflow.db.new*"))
    assert connect(f"sqlite:///{tmp_path / 'mlflow.db'}").get_experiment(made).name == "toy"


@pytest.mark.slow
def test_a_kill_while_it_is_made_does_no_harm(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    code = f"from sweeps.tracking.client import connect; connect({uri!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    fresh = tmp_path / "mlflow.db.new"
    while not (fresh.exists() and fresh.stat().st_size):
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (tmp_path / "mlflow.db").exists()
    assert connect(uri).search_experiments()
