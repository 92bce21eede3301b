"""Long trials of the real trainer, killed in the middle: they go on there, bit by bit the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.faults.test_kills import kill

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
KILLS = ("driver", "worker", "everything")
WHOLE = ("--pruner", "none", "--patience", "off")  # every trial to its last epoch
OPTIONS = "--trials 2 --max-epochs 500 --checkpoint-every 0.3s --workers 1 --confirm 0 --seed 4"


def start(folder: Path) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "sweeps.lstm_recall", *OPTIONS.split(), *WHOLE],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kept(folder: Path) -> dict[Path, int]:
    """Return the checkpoints that are there, and when each was written."""
    found = {}
    for file in (folder / ".sweeps/lstm_recall/checkpoints").glob("[0-9]*.npz"):
        try:
            found[file] = file.stat().st_mtime_ns
        except FileNotFoundError:  # its trial has just ended
            continue
    return found


def curves(folder: Path) -> dict[int, list[tuple[int, float]]]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("lstm_recall")
    result = {}
    for run in client.search_runs([experiment.experiment_id]):
        if (number := run.data.tags.get("sweeps.number")) is None:
            continue
        assert int(number) not in result, f"trial {number} has two runs"
        points = client.get_metric_history(run.info.run_id, "loss")
        result[int(number)] = [(point.step, point.value) for point in points]
    return result


def test_trials_killed_in_the_middle_go_on_there(tmp_path: Path) -> None:
    rng = random.Random(1)
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    said, kills = "", 0
    while kills < len(KILLS):
        with start(disturbed) as process:
            before = kept(disturbed)
            while kept(disturbed).items() <= before.items() and process.poll() is None:
                time.sleep(0.02)
            time.sleep(rng.uniform(0.0, 0.5))  # between two checkpoints
            if process.poll() is None:
                kill(process, KILLS[kills])
                kills += 1
            assert process.stdout is not None
            said += process.stdout.read()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
    assert kills == len(KILLS), said
    for folder in (disturbed, calm):
        with start(folder) as process:
            assert process.stdout is not None
            said += process.stdout.read()
        assert process.returncode == 0, said
        assert not kept(folder)
    assert "resumed from epoch" in said
    found = curves(disturbed)
    assert found == curves(calm)
    assert [len(found[number]) for number in (0, 1)] == [500, 500]
    assert not [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(disturbed)]
