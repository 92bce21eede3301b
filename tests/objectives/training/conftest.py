"""What the trainers' tests share."""

import gc
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def settled() -> None:
    """Keep what has been imported from the collector: trainers call it before every trial."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def with_keras(request: pytest.FixtureRequest) -> None:
    """Skip tests that train where there is no Keras; the others need none."""
    if request.node.get_closest_marker("slow"):
        pytest.importorskip("keras")
        request.getfixturevalue("settled")


@pytest.fixture(autouse=True)
def nothing_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What earlier tests have measured is not known; programs that XLA has compiled are."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("objectives.training.kept_ways.cache_folder", lambda: folder)
    return folder
