"""Pools over a fleet in this process: real workers, several hosts, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweeps.cluster import Fleet
from sweeps.workers import Pool, Reference
from tests.cluster.in_process import InProcess
from tests.workers import scripts


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arrays")
    scripts.load(None).save(folder)
    return folder


@pytest.fixture(scope="session")
def start(arrays: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pool]:
    """Start a pool of scripted trainers over a fleet; the caller closes it."""
    folder = tmp_path_factory.mktemp("log")

    def started(workers: int = 1, engine: InProcess | None = None, **options: Any) -> Pool:
        how = {name: options.pop(name) for name in ("say", "over") if name in options}
        given = {"trainer": scripts.TRAINER, "log": folder / "sweep.log"} | options
        pool = Pool(
            given.pop("reference", Reference(module="tests.workers.scripts")),
            workers,
            crew=partial(Fleet, engine or InProcess(), **how),
            **given,
        )
        pool.data(arrays)
        return pool

    return started


def ready(pool: Pool) -> Pool:
    """Wait until all workers are idle: some machines are up before others."""
    fleet: Any = pool._crew
    while len(fleet.idle) < pool.places:
        fleet._listen()
    return pool


@pytest.fixture(scope="module")
def one(start: Callable[..., Pool]) -> Iterator[Pool]:
    with start(1) as pool:
        yield ready(pool)


@pytest.fixture(scope="module")
def three(start: Callable[..., Pool]) -> Iterator[Pool]:
    with start(3) as pool:
        yield ready(pool)
