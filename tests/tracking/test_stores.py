"""Addresses of stores: any file name, drivers that are missing, folders that were moved."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput
from sweeps.study.connecting import connect as optuna_store
from sweeps.study.settings import Settings
from sweeps.tracking.client import connect
from sweeps.tracking.stores import moved, sqlite_file, sqlite_url, unusable, with_driver
from tests.tracking.told import by_hand, study, tell

NAMES = ["my%20data", "what?", "a#b", "größe & co", "50%", "it's"]


@given(st.text(st.characters(exclude_characters="\0/", codec="utf-8"), min_size=1))
def test_an_address_leads_back_to_its_file(name: str) -> None:
    file = Path("/a folder") / name
    assert sqlite_file(sqlite_url(file)) == file


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///o.db?timeout=60", "o.db"),
        ("sqlite:////a/o.db", "/a/o.db"),
        ("sqlite+pysqlite:///file:/a/what%253F.db?uri=true", "/a/what?.db"),
        ("postgresql://host/db", None),
        ("sqlite://", None),
        ("./mlruns", None),
    ],
)
def test_the_file_of_an_address(url: str, file: str | None) -> None:
    assert sqlite_file(url) == (None if file is None else Path(file))


@pytest.mark.parametrize("name", NAMES)
def test_stores_lie_in_the_folder_whatever_its_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    settings = Settings(folder=folder)
    optuna_store(settings.storage_url())
    client = connect(settings.mlflow_uri())
    client.create_experiment("toy")
    assert {file.name for file in folder.glob("*.db")} == {"optuna.db", "mlflow.db"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_query_in_an_address_is_no_part_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    optuna_store("sqlite:///o.db?timeout=60")
    assert optuna_store("sqlite:///o.db?timeout=60", create=False).get_all_studies() == []
    names = {file.name for file in tmp_path.iterdir()}
    assert {"o.db", "o.db.lock"} <= names <= {"o.db", "o.db.lock", "o.db-wal", "o.db-shm"}


def test_a_missing_driver_is_named_with_its_package() -> None:
    url = "mysql+nosuchdriver://me:secret@host/db"
    assert unusable(url) is None  # SQLAlchemy does not know it: told where it is opened
    lacking = {"postgresql://me:secret@host/db", "mysql+pymysql://me:secret@host/db"}
    found = {url: said for url in lacking if (said := unusable(url)) is not None}
    for url, said in found.items():
        assert "pip install '" in said
        assert "secret" not in said
        with pytest.raises(BadInput, match=r"--storage: .* needs '\w+', which is not installed"):
            optuna_store(url)
        with pytest.raises(
            BadInput, match=r"--tracking-uri: .* needs '\w+', which is not installed"
        ):
            Settings(tracking_uri=url).mlflow_uri()


def test_the_driver_of_a_plain_address_of_postgresql_is_an_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it was not installed
    with pytest.raises(BadInput, match=r"pip install 'keras-sweeps\[postgresql\]'$"):
        optuna_store("postgresql://me:secret@host/db")


@pytest.mark.parametrize(
    "read", [optuna_store, lambda url: Settings(tracking_uri=url).mlflow_uri()]
)
@pytest.mark.parametrize("password", ["x@y", "left@right/rest", "my own@x"])
def test_no_piece_of_a_password_that_is_not_escaped_is_shown(
    read: Callable[[str], Any], password: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read(f"postgresql://me:{password}@127.0.0.1:9/db")
    place = "'postgresql://me:***@127.0.0.1:9/db'"
    assert str(refused.value).partition(": ")[2] == f"{place}: write every @ but the last as %40"


@pytest.mark.parametrize("name", ["a", "my%20data"])
def test_artifacts_follow_a_folder_that_was_copied(
    name: str, tmp_path: Path, empty_store: Path
) -> None:
    old, new = tmp_path / name, tmp_path / f"{name} copy"
    old.mkdir()
    shutil.copyfile(empty_store, old / "mlflow.db")
    (tmp_path / "note.txt").write_text("1")
    tracker = by_hand(sqlite_url(old / "mlflow.db"), old / ".sweeps" / "toy")
    tracker.start_study(study())
    tell(tracker, 0)
    tracker.end_study({}, files={"report.html": tmp_path / "note.txt"})
    tracker.delivery.deliver_all()
    run = tracker.journal.state.parent
    assert moved(sqlite_url(old / "mlflow.db")) is None
    shutil.copytree(old, new)
    before = sorted(old.rglob("*"))
    said = moved(sqlite_url(new / "mlflow.db"))
    assert said is not None
    assert str(old) in said
    assert str(new) in said
    assert moved(sqlite_url(new / "mlflow.db")) is None
    client = connect(sqlite_url(new / "mlflow.db"))
    here = (new / "mlruns").as_uri()
    assert client.get_run(run).info.artifact_uri.startswith(f"{here}/")
    assert client.get_experiment_by_name("toys").artifact_location.startswith(f"{here}/")
    assert len(list((new / "mlruns").rglob("report.html"))) == 1
    assert sorted(old.rglob("*")) == before


def test_what_is_no_store_has_not_moved(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database")
    assert moved(sqlite_url(tmp_path / "mlflow.db")) is None
    assert moved(sqlite_url(tmp_path / "missing.db")) is None


@pytest.mark.parametrize(
    ("installed", "url", "taken"),
    [
        ({"psycopg", "psycopg2"}, "postgresql://me@h/x", "postgresql+psycopg://me@h/x"),
        ({"psycopg2"}, "postgresql://me@h/x", "postgresql+psycopg2://me@h/x"),
        (set(), "postgresql://me@h/x", "postgresql+psycopg://me@h/x"),
        (set(), "postgres://me@h/x", "postgresql+psycopg://me@h/x"),
        ({"pymysql"}, "mysql://me@h/x", "mysql+pymysql://me@h/x"),
        ({"psycopg"}, "postgresql+psycopg2://me@h/x", "postgresql+psycopg2://me@h/x"),
        ({"psycopg"}, "sqlite:///x.db", "sqlite:///x.db"),
        ({"psycopg"}, "./mlruns", "./mlruns"),
    ],
)
def test_a_plain_address_is_reached_by_the_driver_that_is_installed(
    installed: set[str], url: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeps.tracking.stores.find_spec", lambda name: name in installed or None)
    assert with_driver(url) == taken
