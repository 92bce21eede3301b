"""Trackers that refuse, hang, answer 500 or lose answers; locked and full stores."""

import contextlib
import resource
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from sweeps.tracking import courier
from sweeps.tracking.client import connect
from sweeps.tracking.mlflow_tracker import MlflowTracker
from tests.tracking.servers import free_port
from tests.tracking.told import Found, by_hand, expected, finals, logs, study, tell, trial

PATIENT = "30"  # seconds that a busy machine may take to answer


class Server:
    """MLflow's own server in a thread, behind a door that can misbehave."""

    def __init__(self, app) -> None:
        self.app = app
        self.mode = "ok"
        self.seen = threading.Event()  # a request met the present mode
        self.release = threading.Event()
        self.server: BaseWSGIServer | None = None
        self.port = free_port()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.server = make_server("127.0.0.1", self.port, self, threaded=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.release.set()
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def set(self, mode: str) -> None:
        self.mode = mode
        self.seen.clear()

    def __call__(self, environ, start_response):
        mode = self.mode
        if mode == "ok":
            return self.app(environ, start_response)
        if mode == "lost":  # done, and nobody hears of it
            b"".join(self.app(environ, lambda status, headers, _=None: None))
        self.seen.set()
        if mode == "hang":
            self.release.wait(60)
        headers = [("Content-Type", "text/html"), ("Retry-After", "3600")]
        start_response({"busy": "503 BUSY"}.get(mode, "500 BROKEN"), headers)
        return [b"<html>it is broken</html>"]


@pytest.fixture(scope="module")
def app(empty_store: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes(empty_store.read_bytes())
    patch = pytest.MonkeyPatch()
    patch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{folder}/mlflow.db")
    patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder / "artifacts"))
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.simplefilter("ignore")  # of MLflow's server, about its own libraries
        from mlflow.server import auth  # noqa: F401  # else the first request imports it
    from mlflow.server import app

    yield app
    patch.undo()


@pytest.fixture
def server(app, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", PATIENT)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(courier, "PAUSES", (0.1, 0.2))
    monkeypatch.setattr(courier, "FLUSH", 0.2)
    server = Server(app)
    yield server
    server.stop()


def until(condition: Callable[[], object]) -> bool:
    """Wait for something that another thread does; False if it never comes."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def settled(tracker: MlflowTracker) -> bool:
    """Wait until everything is delivered."""
    return until(lambda: not tracker.journal.pending())


@pytest.mark.parametrize("mode", ["500", "busy", "hang", "lost"])
def test_a_server_that_is_ill_for_a_while_costs_nothing(server, folder, caplog, monkeypatch, mode):
    server.start()
    tracker = MlflowTracker(server.uri, folder)
    tracker.start_study(study(mode))
    tell(tracker, 0)
    assert settled(tracker)
    server.set(mode)
    if mode == "hang":
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    tell(tracker, 1)
    assert server.seen.wait(30)
    tell(tracker, 2, outcome="pruned")  # returns although nobody answers
    tracker.mark_best(2)
    assert until(lambda: "training continues" in caplog.text)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", PATIENT)
    server.set("ok")
    server.release.set()
    assert settled(tracker)
    assert tracker.close() == 0
    found = Found(connect(server.uri), mode)
    assert [found.points(n) for n in range(3)] == [expected(n, 3) for n in range(3)]
    assert found.twins == {0: 1, 1: 1, 2: 1}
    assert caplog.text.count("training continues") == 1
    assert caplog.text.count("MLflow is back") == 1


def test_a_server_that_is_not_there_yet_gets_everything_later(server, folder, caplog):
    tracker = MlflowTracker(server.uri, folder)
    tracker.start_study(study("late"))
    tell(tracker, 0)
    assert until(lambda: "training continues" in caplog.text)
    assert tracker.address() is None
    server.start()
    assert settled(tracker)
    assert tracker.close() == 0
    assert Found(connect(server.uri), "late").points(0) == expected(0, 3)


def test_a_server_that_never_comes_leaves_all_in_the_folder(server, folder, caplog):
    tracker = MlflowTracker(server.uri.replace("http://", "http://me:s3cret@"), folder)
    tracker.start_study(study("never"))
    tell(tracker, 0)
    assert tracker.close(3) == 6  # the study, the trial, three epochs, its end
    assert "s3cret" not in caplog.text
    server.start()
    tracker = MlflowTracker(server.uri, folder)
    tracker.start_study(study("never"))
    assert tracker.close() == 0
    assert Found(connect(server.uri), "never").points(0) == expected(0, 3)


def test_a_courier_whose_time_is_up_delivers_nothing_more(server, folder):
    tracker = MlflowTracker(server.uri, folder)
    tracker.start_study(study("over"))
    tell(tracker, 0)
    assert tracker.close(0.5) > 0
    assert until(lambda: not tracker.courier._thread.is_alive())
    server.start()
    assert Found(connect(server.uri), "over").parents == []


def test_a_run_deleted_meanwhile_holds_nothing_up(uri, folder, caplog):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    for number in (0, 1, 2):
        tracker.start_trial(trial(number))
        tracker.epoch(number, 1, logs(number, 1))
    tracker.delivery.deliver_all()
    connect(uri).delete_run(tracker.run_id(1))
    for number in (0, 1, 2):
        for epoch in (2, 3):
            tracker.epoch(number, epoch, logs(number, epoch))
            tracker.delivery.deliver_all()
        tracker.end_trial(number, "complete", finals(number, 3))
        tracker.mark_best(number)
        tracker.delivery.deliver_all()
    assert tracker.journal.undelivered() == 0
    found = Found(connect(uri))
    assert {number: found.points(number) for number in found.children} == {
        number: expected(number, 3) for number in (0, 2)
    }
    assert caplog.text.count("was deleted in MLflow") == 1


def test_a_study_deleted_meanwhile_is_made_again_with_all_it_had(uri, folder):
    tracker = by_hand(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    tracker.delivery.deliver_all()
    connect(uri).delete_run(tracker.journal.state.parent)
    tracker.end_study({"best_val_loss": 1.0})
    with pytest.raises(Exception, match="deleted"):
        tracker.delivery.deliver_all()
    tracker.delivery.deliver_all()
    found = Found(connect(uri))
    assert found.parent.data.metrics == {"best_val_loss": 1.0}
    assert found.points(0) == expected(0, 3)


def test_a_locked_database_is_waited_for(uri, folder, tmp_path):
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    assert settled(tracker)
    other = sqlite3.connect(tmp_path / "mlflow.db")
    other.execute("BEGIN EXCLUSIVE")
    tell(tracker, 0)
    assert tracker.close(0.5) > 0
    other.rollback()
    other.close()
    assert settled(tracker)
    assert Found(connect(uri)).points(0) == expected(0, 3)


def test_a_full_disk_below_mlflow_is_waited_for(uri, folder, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(courier, "PAUSES", (0.1, 0.2))
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    assert settled(tracker)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "mlflow.db").stat().st_size, hard))
    try:
        for number in range(8):
            tell(tracker, number, epochs=40)
        assert until(lambda: "training continues" in caplog.text)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert settled(tracker)
    assert tracker.close() == 0
    found = Found(connect(uri))
    assert [found.points(n) for n in range(8)] == [expected(n, 40) for n in range(8)]


def test_a_full_disk_below_the_journal_is_said_and_lived_with(uri, folder, caplog, monkeypatch):
    monkeypatch.setattr(courier, "FLUSH", 0.2)
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tell(tracker, 0)
    assert settled(tracker)
    assert until(lambda: "kept in memory" in caplog.text)
    folder.unlink()
    tell(tracker, 1)
    assert until(lambda: "can be written to again" in caplog.text)
    assert tracker.close() == 0
    found = Found(connect(uri))
    assert [found.points(n) for n in range(2)] == [expected(n, 3) for n in range(2)]
    assert (folder / "tracking" / "trial-00000.jsonl").exists()


def test_one_broken_stream_does_not_stop_the_others(uri, folder, caplog):
    tracking = folder / "tracking"
    tracking.mkdir(parents=True)
    (tracking / "trial-00000.jsonl").write_text('{"do":"trial","surprise":1}\n')
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tell(tracker, 1)
    assert tracker.close(2) == 1
    assert Found(connect(uri)).points(1) == expected(1, 3)
    assert "training continues" in caplog.text


def test_files_that_cannot_be_stored_do_not_hold_up_the_rest(uri, folder, tmp_path, caplog):
    (tmp_path / "mlruns").write_text("a file where the artifacts should go")
    (tmp_path / "f").write_text("f")
    tracker = MlflowTracker(uri, folder)
    tracker.start_study(study())
    tracker.end_study({"best_val_loss": 1.0}, files={"f": tmp_path / "f"})
    tell(tracker, 0)
    assert tracker.close() == 0
    found = Found(connect(uri))
    assert found.parent.data.metrics == {"best_val_loss": 1.0}
    assert found.points(0) == expected(0, 3)
    assert "does not accept" in caplog.text
