"""The tracker on a real store: hostile names, lost files, other processes."""

import json
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sweeps.tracking.client import connect
from sweeps.tracking.mlflow_tracker import MlflowTracker
from sweeps.tracking.sync import sync
from tests.tracking.told import Found, by_hand, expected, study, tell, trial

OUTCOMES = {"complete": "FINISHED", "pruned": "KILLED", "diverged": "FAILED", "failed": "FAILED"}


@pytest.mark.parametrize(
    "name", ["it's", 'a "b" c', "x' OR 1=1 --", "back`tick", "../up", "<script>", "ü😀", "a\nb"]
)
def test_hostile_names_stay_names(uri, folder, name):
    for _ in range(2):
        tracker = by_hand(uri, folder)
        tracker.start_study(study(name, experiment=name))
        tell(tracker, 0)
        tracker.delivery.deliver_all()
    found = Found(connect(uri), name, name)
    assert found.points(0) == expected(0, 3)
    assert Path(found.experiment.artifact_location.removeprefix("file://")).parent == (
        folder.parents[1] / "mlruns"
    )


def test_no_password_reaches_a_run(uri, folder):
    secret = "postgresql://me:s3cret@db/x"
    tracker = by_hand(uri, folder)
    tracker.start_study(study(params={"store": secret}, data={"source": secret, "digest": "a"}))
    tracker.end_study({}, summary=secret)
    tracker.delivery.deliver_all()
    file = uri.removeprefix("sqlite:///")
    dumped = "\n".join(sqlite3.connect(file).iterdump())
    assert "postgresql://me:***@db/x" in dumped
    assert "s3cret" not in dumped


def test_an_artifact_path_cannot_leave_its_run(uri, folder, tmp_path, caplog):
    (tmp_path / "f").write_text("f")
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.end_study({}, files={"../../f": tmp_path / "f", "ok/f": tmp_path / "f"})
    tracker.delivery.deliver_all()
    stored = [path for path in (tmp_path / "mlruns").rglob("f") if path.is_file()]
    assert [path.parent.name for path in stored] == ["ok"]
    assert "../../f" in caplog.text


def test_a_file_that_is_gone_stops_nothing(uri, folder, tmp_path, caplog):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.end_study({"a": 1.0}, files={"report.html": tmp_path / "gone.html"})
    tracker.delivery.deliver_all()
    assert tracker.journal.undelivered() == 0
    assert "gone.html" in caplog.text


def test_a_deleted_experiment_is_restored(uri, folder, caplog):
    client = connect(uri)
    client.delete_experiment(client.create_experiment("toys"))
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    tracker.delivery.deliver_all()
    assert Found(client).points(0) == expected(0, 3)
    assert "restored" in caplog.text


def test_sync_sends_what_a_closed_tracker_left(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    left = tracker.close(0)
    assert left == len((folder / "tracking" / "trial-00000.jsonl").read_text().splitlines()) + 1
    assert sync(uri, folder) == (left, 0, True)
    assert Found(connect(uri)).points(0) == expected(0, 3)
    assert sync(uri, folder) == (0, 0, True)


def test_sync_says_why_it_cannot(folder, tmp_path, caplog):
    (tmp_path / "mlflow.db").write_text("this is no database, " * 100)
    tracker = by_hand(f"sqlite:///{tmp_path}/mlflow.db", folder)
    tracker.start_study(study())
    assert tracker.close(0) == 1
    assert sync(tracker.uri, folder) == (0, 1, False)
    assert "not a database" in caplog.text


def test_studies_that_start_at_once_share_one_sound_store(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    trackers = [MlflowTracker(uri, tmp_path / str(n)) for n in range(3)]
    for n, tracker in enumerate(trackers):
        tracker.start_study(study(f"s{n}"))
        tell(tracker, 0)
    assert [tracker.close(60) for tracker in trackers] == [0, 0, 0]
    client = connect(uri)
    for n in range(3):
        assert Found(client, f"s{n}").points(0) == expected(0, 3)
    assert len([e for e in client.search_experiments() if e.name == "toys"]) == 1


@pytest.mark.slow
def test_mlflow_is_quiet_and_its_telemetry_is_off(tmp_path):
    code = (
        "import sys; from sweeps.tracking.client import connect\n"
        "from mlflow.telemetry.utils import is_telemetry_disabled\n"
        "connect(sys.argv[1]); sys.exit(0 if is_telemetry_disabled() else 3)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"sqlite:///{tmp_path}/mlflow.db"],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_preparing_loads_mlflow_and_leaves_no_store(tmp_path):
    code = """
import sys, threading
from pathlib import Path
from sweeps.tracking.mlflow_tracker import MlflowTracker

here = Path(sys.argv[1])
tracker = MlflowTracker(f"sqlite:///{here}/mlflow.db", here / "study")
before = set(threading.enumerate())
assert "mlflow" not in sys.modules
tracker.prepare()
(thread,) = set(threading.enumerate()) - before
assert not thread.daemon, "a process that ends would cut it off inside C++ code, and abort"
thread.join()
assert {"mlflow", "mlflow.store.tracking.sqlalchemy_store"} <= sys.modules.keys()
tracker.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not list(tmp_path.glob("*.db"))


def test_an_epoch_is_written_before_it_is_sent(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tracker.start_trial(trial(0))
    tracker.epoch(0, 1, {"loss": 0.25, "val_loss": float("inf")})
    last = (folder / "tracking" / "trial-00000.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["metrics"] == {"loss": 0.25}
    assert logging.getLogger("sweeps.tracking").level == logging.NOTSET
