"""Pools of scripted trainers: real processes, no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeps.workers import Pool, Reference
from tests.workers import scripts


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arrays")
    scripts.load(None).save(folder)
    return folder


@pytest.fixture(scope="session")
def start(arrays: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pool]:
    """Start a pool of scripted trainers; the caller closes it."""
    folder = tmp_path_factory.mktemp("log")

    def started(workers: int = 1, **options: Any) -> Pool:
        options = {"trainer": scripts.TRAINER, "log": folder / "sweep.log"} | options
        pool = Pool(
            options.pop("reference", Reference(module="tests.workers.scripts")), workers, **options
        )
        pool.data(arrays)
        return pool

    return started


@pytest.fixture(scope="module")
def one(start: Callable[..., Pool]) -> Iterator[Pool]:
    with start(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def three(start: Callable[..., Pool]) -> Iterator[Pool]:
    with start(3) as pool:
        yield pool
