"""Studies in a real PostgreSQL server, which is stopped, frozen and loses its answers."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objectives import BadInput
from sweeps.cli import run_command_line
from sweeps.study import guard as guards
from sweeps.study import outbox
from sweeps.study.connecting import connect
from sweeps.tracking import NoTracker
from tests.scripted import SWEEP, Scripted
from tests.study.test_loop import Watching, described, go, session

pytest.importorskip("psycopg", reason="psycopg is not installed")

from tests.faults.postgres import PASSWORD, Postgres, binaries, postgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(binaries() is None, reason="PostgreSQL's server is not installed"),
]
ASKED: dict[str, Any] = {"trials": 5, "seed": 4}


@pytest.fixture(scope="module")
def running() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


@pytest.fixture
def server(running: Postgres) -> Postgres:
    if running.process is None:
        running.start()
    return running


@pytest.fixture
def url(server: Postgres, request: pytest.FixtureRequest) -> str:
    return server.database(request.node.name[-60:])


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return go(tmp_path_factory.mktemp("calm"), **ASKED)


def stored(folder: Path, url: str) -> list[Any]:
    """Return the trials as the database has them."""
    (study,) = connect(url).get_all_studies()
    numbers = [trial.number for trial in connect(url).get_all_trials(study._study_id)]
    assert numbers == list(range(len(numbers)))
    with session(folder, storage=url, **ASKED) as opened_session:
        return described(opened_session)


def at(number: int, epoch: int, do: Callable[[], None]) -> Scripted:
    """Return a trainer that does something once."""
    left = [do]

    def hook(spec: Any, now: int) -> None:
        if (spec.number, now) == (number, epoch) and left:
            left.pop()()

    return Scripted(hook=hook)


def announced(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if getattr(one, "announced", False)]


def test_a_study_in_a_server_equals_one_in_a_file(url: str, calm: Any, tmp_path: Path) -> None:
    go(tmp_path, storage=url, **ASKED | {"trials": 2})
    assert go(tmp_path, storage=url, **ASKED) == calm
    assert stored(tmp_path / "elsewhere", url) == calm


def test_a_server_that_is_away_for_a_while_gets_everything(
    server: Postgres, url: str, calm: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with session(tmp_path, at(1, 3, server.stop), storage=url, **ASKED) as study:
        study.loop(Watching()).run()
        assert described(study) == calm
        while not announced(caplog):
            time.sleep(0.05)
        server.start()
        assert study.store.flush() == 0
    assert stored(tmp_path / "elsewhere", url) == calm
    first, last = announced(caplog)
    assert "cannot be written to" in first
    assert "is back" in last


def test_what_a_server_lacks_at_the_end_is_sent_by_the_same_command(
    server: Postgres, url: str, calm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PATIENCE", 0.1)
    with session(tmp_path, at(2, 5, server.stop), storage=url, **ASKED) as study:
        study.loop(Watching()).run()
        assert study.store.flush() > 0
    with pytest.raises(BadInput, match="cannot open the store"):
        go(tmp_path, storage=url, **ASKED)
    server.start()
    assert (
        go(
            tmp_path,
            Scripted(hook=lambda *_: pytest.fail("it trains again")),
            storage=url,
            **ASKED,
        )
        == calm
    )
    assert stored(tmp_path / "elsewhere", url) == calm


def test_training_goes_on_while_a_server_hangs(
    server: Postgres,
    url: str,
    calm: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with session(tmp_path, at(1, 3, server.freeze), storage=url, **ASKED) as study:
        monkeypatch.setattr(guards, "SLOW", 0.2)
        monkeypatch.setattr(guards, "LIMIT", 0.4)
        real, cut = guards.Guard.cut, threading.Event()
        monkeypatch.setattr(guards.Guard, "cut", lambda guard: (real(guard), cut.set()))
        study.loop(Watching()).run()  # to its end, without one answer
        assert described(study) == calm
        assert cut.wait(60)
        server.freeze(False)
        assert study.store.flush() == 0
    assert stored(tmp_path / "elsewhere", url) == calm
    assert "cannot be written to" in announced(caplog)[0]


def test_commits_whose_answers_are_lost_are_not_done_twice(
    url: str, calm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "pause", lambda tries: 0.0)
    monkeypatch.setattr(outbox, "MOST", 2)  # changes in a transaction, so that there are many
    monkeypatch.setattr(outbox, "GATHER", 0.0)
    commits = []
    with session(tmp_path, storage=url, **ASKED) as study:
        storage = study.store.study._storage._disk
        real = storage.engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            real(connection)
            commits.append(connection)
            if len(commits) % 3 == 0:
                raise storage.engine.dialect.dbapi.OperationalError("the answer was lost")

        storage.engine.dialect.do_commit = do_commit
        study.loop(Watching()).run()
        assert study.store.flush() == 0
    assert len(commits) > 30
    assert stored(tmp_path / "elsewhere", url) == calm


def test_a_second_driver_on_any_machine_is_refused_and_a_reader_is_not(
    url: str, tmp_path: Path
) -> None:
    with session(tmp_path / "one", storage=url, **ASKED) as study:
        with (
            pytest.raises(BadInput, match=f"by process {os.getpid()} on {socket.gethostname()}"),
            session(tmp_path / "two", storage=url, **ASKED),
        ):
            pass
        assert not list((tmp_path / "two").rglob("unsent*"))
        study.store.flush()
        assert connect(url, create=False).get_all_studies()
    with session(tmp_path / "two", storage=url, **ASKED):
        pass


def test_a_lock_whose_connection_was_lost_is_taken_again_or_the_driver_stops(
    server: Postgres, url: str, tmp_path: Path
) -> None:
    database = url.rpartition("/")[2]
    drop = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    )
    with session(tmp_path, storage=url, **ASKED) as study:
        study.store.flush()
        server.execute(database, drop)
        for _ in range(2):  # the first change finds out
            study.store.ask()
        assert study.store.flush() == 0
        with (
            pytest.raises(BadInput, match="is being run by process"),
            session(tmp_path / "two", storage=url, **ASKED),
        ):
            pass
        server.execute(database, drop)
        with session(tmp_path / "two", storage=url, **ASKED):
            for _ in range(2):
                study.store.ask()
            assert study.store.flush() > 0
        with pytest.raises(RuntimeError, match="is being run by process"):
            study.store.ask()


def test_a_command_says_what_was_not_sent_with_an_exit_code_of_its_own(
    server: Postgres,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sweeps.cli.run.make_tracker", lambda *_: NoTracker())
    monkeypatch.setattr("sweeps.cli.logs.to_file", lambda folder, _: folder / "log")
    said = threading.Event()
    real = outbox.announce
    monkeypatch.setattr(outbox, "announce", lambda *args: (real(*args), said.set()))

    def stopped() -> None:
        server.stop()
        assert said.wait(60)
        patience.setattr(outbox, "PATIENCE", 0.1)

    monkeypatch.setattr("sweeps.cli.trainers.here", lambda *_: at(1, 3, stopped))
    command = ["--trials", "4", "--confirm", "0", "--workers", "0", "--storage", url]
    with monkeypatch.context() as patience:
        assert run_command_line(SWEEP, command) == 3
    out, err = capsys.readouterr()
    assert "4 trials" in out  # the summary
    assert re.search(r"not sent: postgresql://me:\*\*\*@\S+ is missing the last \d+ changes", out)
    assert err.count("the study's database cannot be written to") == 1
    assert not [
        piece for piece in re.split(r"\W", PASSWORD) if len(piece) > 3 and piece in out + err
    ]
    server.start()
    assert run_command_line(SWEEP, command) == 0
    out, err = capsys.readouterr()
    assert "of an earlier run have been sent" in err
    assert "not sent" not in out
    assert run_command_line(SWEEP, ["show", "--storage", url]) == 0
    assert "4 trials" in capsys.readouterr().out


def test_a_command_that_reads_says_in_one_line_that_the_database_hangs(
    server: Postgres, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(tmp_path, storage=url, **ASKED)
    storage = connect(url)
    storage.get_all_studies()
    monkeypatch.setattr(guards, "LIMIT", 0.4)
    server.freeze()
    with pytest.raises(
        BadInput, match=r"postgresql://me:\*\*\*@\S+ does not answer as it should: "
    ):
        storage.get_all_studies()
    server.freeze(False)


def test_a_study_of_a_mistake_leaves_nothing(url: str, tmp_path: Path) -> None:
    def wrong(spec: Any, epoch: int) -> None:
        raise BadInput("no such metric")

    with session(tmp_path, Scripted(hook=wrong), storage=url, **ASKED) as study:
        with pytest.raises(BadInput, match="no such metric"):
            study.loop(Watching()).run()
        study.discard()
    assert connect(url).get_all_studies() == []
    assert not (tmp_path / ".sweeps").exists()
