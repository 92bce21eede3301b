"""A tracker whose time is up while it delivers, or while it loads MLflow."""

import threading

from sweeps.tracking.client import connect
from sweeps.tracking.mlflow_tracker import MlflowTracker
from tests.commands import python
from tests.tracking.test_faults import settled, until
from tests.tracking.told import Found, expected, study, tell


def test_a_delivery_that_runs_ends_when_its_time_is_up(uri, folder, monkeypatch):
    """The process may go on, and another one deliver the rest: nothing is sent twice."""
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study("slow"))
    assert settled(tracker)
    deliver, begun, go = tracker.delivery._deliver_items, threading.Event(), threading.Event()

    def slowly(*given):
        begun.set()
        go.wait(30)
        deliver(*given)

    monkeypatch.setattr(tracker.delivery, "_deliver_items", slowly)
    for number in range(5):
        tell(tracker, number)
    assert begun.wait(30)
    assert tracker.close(0.5) > 0
    go.set()
    assert until(lambda: not tracker.courier._thread.is_alive())
    assert len(Found(connect(uri), "slow").children) == 1  # the one that had begun
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study("slow"))
    assert tracker.close() == 0
    found = Found(connect(uri), "slow")
    assert [found.points(n) for n in range(5)] == [expected(n, 3) for n in range(5)]


ENDS = """
import atexit, sys, threading
from pathlib import Path
from sweeps.tracking.mlflow_tracker import MlflowTracker
MlflowTracker("sqlite:///mlflow.db", Path("kept")).prepare()
atexit.register(lambda: print([thread.name for thread in threading.enumerate()]))
sys.exit(2)
"""


def test_a_process_that_ends_while_mlflow_is_loaded_ends_with_its_own_code(tmp_path):
    """A thread that the end of a process cuts off inside C++ code aborts the process."""
    done = python(["-c", ENDS], tmp_path)
    assert (done.returncode, done.stdout) == (2, "['MainThread']\n"), done.stderr
