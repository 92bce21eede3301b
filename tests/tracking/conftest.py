"""Real SQLite stores, cheap: the schema is made once and copied."""

import os
import shutil
from pathlib import Path

import pytest

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store's file without a run."""
    from sweeps.tracking.client import connect

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(f"sqlite:///{file}")
    return file


@pytest.fixture
def uri(empty_store: Path, tmp_path: Path) -> str:
    """The address of an empty store of its own."""
    shutil.copyfile(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study's folder."""
    return tmp_path / ".sweeps" / "toy"
