"""PostgreSQL behind a pooler and MLflow behind a proxy with a prefix, as they are run for real."""

from __future__ import annotations

import base64
import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from sweeps.cli import run_command_line
from sweeps.tracking import client
from sweeps.tracking.history import all_curves
from sweeps.tracking.mlflow_tracker import MlflowTracker
from sweeps.tracking.registry import register
from tests.faults.test_kills import curves, disturb, finish, found
from tests.scripted import SWEEP, Scripted
from tests.tracking.servers import running
from tests.tracking.told import by_hand, study, tell

pytest.importorskip("psycopg", reason="psycopg is not installed")

from tests.faults.doors import pooler, program, proxy
from tests.faults.postgres import binaries, postgres

MISSING = [name for name in ("pgbouncer", "nginx") if program(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
TOKEN, PASSWORD = "t0ken-of-ours", "p@ss/w:rd?"
BASIC = base64.b64encode(f"me:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    kept = ("--backend-store-uri", "sqlite:///m.db", "--artifacts-destination", "files")
    log = folder / "log"
    with running("server", *kept, "--workers", "1", ping="/health", log=log) as address:
        yield address


@pytest.fixture
def with_token(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in (client.USER, client.PASSWORD):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    with proxy(server, "/team/mlflow", f"Bearer {TOKEN}") as address:
        yield address


@pytest.fixture
def with_password(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in (client.USER, client.PASSWORD):
        monkeypatch.setenv(name, "")  # what an address sets is gone after the test
    with proxy(server, "/mlflow", f"Basic {BASIC}") as address:
        yield address.replace("//", f"//me:{quote(PASSWORD, safe='')}@")


@pytest.mark.skipif(binaries() is None, reason="PostgreSQL's server is not installed")
def test_a_driver_that_is_killed_loses_nothing(
    with_token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    for folder in (disturbed, calm):
        folder.mkdir()
    monkeypatch.setenv("OPTIONS", json.dumps({"trials": 10}))
    finish(calm, 1, 1)
    with postgres() as database, pooler(database, "transaction") as port:
        storage = database.database("killed").replace(f":{database.port}/", f":{port}/")
        stores = {"storage": storage, "tracking_uri": with_token}
        monkeypatch.setenv("OPTIONS", json.dumps({"trials": 10, **stores}))
        assert disturb(disturbed, 1, 1, 3) > 0
        finish(disturbed, 1, 1)
        assert found(disturbed, 1, **stores) == found(calm, 1)
    assert len(found(calm, 1)) == 10
    assert curves(with_token) == curves(f"sqlite:///{calm / 'mlflow.db'}")


def test_a_wrong_password_is_told_once_and_what_is_missing_is_sent_by_the_same_command(
    with_password: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, _: folder / "log")
    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: Scripted())
    real = MlflowTracker.close

    def close(tracker: MlflowTracker, timeout: float = 30.0) -> int:
        deadline = time.monotonic() + 60
        while tracker.courier.failing is None and time.monotonic() < deadline:
            time.sleep(0.05)
        return real(tracker, 0.1)

    options = ["--trials", "3", "--confirm", "0", "--workers", "0", "--study", "secret"]
    wrong = with_password.replace("me:", "me:wr0ng")
    with monkeypatch.context() as patience:
        patience.setattr(MlflowTracker, "close", close)
        assert run_command_line(SWEEP, [*options, "--tracking-uri", wrong]) == 3
    out, err = capsys.readouterr()
    assert "3 trials" in out  # the summary
    assert re.search(r"not sent: MLflow at http://me:\*\*\*@\S+/mlflow is missing \d+ items", out)
    assert err.count("MLflow cannot be written to (401: ") == 1
    assert run_command_line(SWEEP, ["sync", "--study", "secret", "--tracking-uri", wrong]) == 3
    assert "MLflow does not accept the data: 401: " in capsys.readouterr().err
    assert run_command_line(SWEEP, [*options, "--tracking-uri", with_password]) == 0
    again = "".join(capsys.readouterr())
    assert "not sent" not in again
    assert "/mlflow/#/experiments/" in again
    for piece in ("wr0ng", "ss/w", "%40ss", "rd?", "rd%3F"):
        assert piece not in out + err + again
    assert all_curves(with_password, "secret").keys() == {0, 1, 2}


def test_a_model_is_registered_with_a_server_that_keeps_the_files(
    with_password: str, tmp_path: Path
) -> None:
    from mlflow.artifacts import download_artifacts

    one = {"name": "x", "batch_shape": [None, 2], "dtype": "float32"}
    layers = [{"class_name": "InputLayer", "config": one}]
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:  # which nothing here loads
        file.writestr("config.json", json.dumps({"config": {"layers": layers}}))
    tracker = by_hand(with_password, tmp_path / "toy")
    tracker.start_study(study("kept"))
    tell(tracker, 0)
    (tmp_path / "page.html").write_text("a page")
    tracker.end_study({}, files={"page.html": tmp_path / "page.html"})
    tracker.delivery.deliver_all()
    made = register(
        with_password, "kept", tmp_path / "model.keras", {"val_loss": 1.0}, "digest",
        monitor="val_loss", better=lambda a, b: a < b,
    )  # fmt: skip
    assert made.champion
    plain = with_password.replace(f"me:{quote(PASSWORD, safe='')}@", "")
    opened = client.connect(with_password)
    kept = {
        "model.keras": opened.get_model_version(made.name, made.version).source,
        "page.html": opened.get_run(str(tracker.journal.state.parent)).info.artifact_uri,
    }
    assert all(place.startswith("mlflow-artifacts:") for place in kept.values())
    for name, place in kept.items():
        folder = download_artifacts(place, tracking_uri=plain, dst_path=str(tmp_path / "kept"))
        (file,) = Path(folder).rglob(name)
        assert file.read_bytes() == (tmp_path / name).read_bytes()
