"""A new MLflow store is there whole or not at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeps.tracking import making
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


def content(folder: Path) -> list[str]:
    """A new store's statements, without the times and the folder of its first experiment."""
    folder.mkdir()
    connect(f"sqlite:///{folder / 'mlflow.db'}")
    dumped = list(sqlite3.connect(folder / "mlflow.db").iterdump())
    assert sum("'Default'" in line for line in dumped) == 1
    return [line for line in dumped if "'Default'" not in line]


def test_the_second_store_is_a_copy_of_the_same_schema(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = content(tmp_path / "first")
    assert making.schema_file().is_file()
    monkeypatch.setattr(making, "_by_mlflow", pytest.fail)
    assert content(tmp_path / "second") == first
    kept = list(sqlite3.connect(making.schema_file()).execute("SELECT * FROM experiments"))
    assert kept == []


@pytest.mark.parametrize("broken", [b"", b"no database at all"])
def test_a_broken_schema_file_is_made_again(tmp_path, monkeypatch, broken):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    making.schema_file().parent.mkdir(parents=True)
    making.schema_file().write_bytes(broken)
    first = content(tmp_path / "first")
    monkeypatch.setattr(making, "_by_mlflow", pytest.fail)
    assert content(tmp_path / "second") == first
    assert [path.name for path in (tmp_path / "cache" / "keras-sweeps").iterdir()] == [
        making.schema_file().name
    ]


def test_a_store_is_made_where_no_cache_folder_can_be(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert content(tmp_path / "first")


@pytest.mark.slow
def test_a_kill_while_it_is_made_does_no_harm(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    code = f"from sweeps.tracking.client import connect; connect({uri!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")},
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
