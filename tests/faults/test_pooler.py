"""A study behind PgBouncer, which in transaction mode gives a session to many programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from objectives import BadInput
from sweeps.study import sole_driver
from sweeps.study.connecting import connect
from sweeps.tracking.client import connect as mlflow
from sweeps.tracking.mlflow_tracker import MlflowTracker
from sweeps.tracking.stores import with_driver
from tests.study.test_loop import described, go, session
from tests.tracking.told import Found, expected, tell
from tests.tracking.told import study as study_run

pytest.importorskip("psycopg", reason="psycopg is not installed")

from tests.faults.doors import pooler, program
from tests.faults.postgres import Postgres, binaries, postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL's server is not installed"),
    pytest.mark.skipif(program("pgbouncer") is None, reason="PgBouncer is not installed"),
]
ASKED: dict[str, Any] = {"trials": 3, "seed": 4}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture(params=["session", "transaction"])
def url(server: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    direct = server.database(request.node.name[-60:])
    with pooler(server, request.param) as port:
        yield direct.replace(f":{server.port}/", f":{port}/")


def test_a_second_driver_is_refused_while_the_first_one_lives(url: str, tmp_path: Path) -> None:
    calm = go(tmp_path / "calm", **ASKED)
    with session(tmp_path / "one", storage=url, **ASKED) as study:
        for number in range(5):  # which takes any session that the pooler has
            connect(url).create_new_study([], f"other {number}")
        with (
            pytest.raises(BadInput, match="is being run by process"),
            session(tmp_path / "two", storage=url, **ASKED),
        ):
            pass
        study.store.ask()
        assert study.store.flush() == 0
    assert go(tmp_path / "two", storage=url, **ASKED) == calm
    with session(tmp_path / "two", storage=url, **ASKED) as study:
        assert described(study) == calm


def test_a_lock_that_the_pooler_lost_is_taken_again(
    server: Postgres, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sole_driver, "_LOOK", 0.0)
    drop = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'keras-sweeps %'"
    )
    old = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
    )
    with session(tmp_path / "one", storage=url, **ASKED) as study:
        study.store.flush()
        assert server.execute("postgres", old) == []  # it keeps no old rows
        assert server.execute("postgres", drop)
        for _ in range(2):
            study.store.ask()
        assert study.store.flush() == 0
        with (
            pytest.raises(BadInput, match="is being run by process"),
            session(tmp_path / "two", storage=url, **ASKED),
        ):
            pass


def test_curves_go_into_a_database_behind_a_pooler(server: Postgres, tmp_path: Path) -> None:
    direct = with_driver(server.database("curves"))
    with pooler(server, "transaction") as port:
        uri = direct.replace(f":{server.port}/", f":{port}/")
        trackers = {name: MlflowTracker(uri, tmp_path / name) for name in ("one", "two")}
        for name, tracker in trackers.items():
            tracker.start_study(study_run(name))
        for number in range(8):
            for tracker in trackers.values():
                tell(tracker, number)
        assert [tracker.close(60) for tracker in trackers.values()] == [0, 0]
        for name in trackers:
            kept = Found(mlflow(uri), name)
            assert [kept.points(n) for n in range(8)] == [expected(n, 3) for n in range(8)]
