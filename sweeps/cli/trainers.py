"""Which trainer a command gets: worker processes, started before anything else is done."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Data, Objective
from objectives.training import Trainer, here
from objectives.training.environment import require_gpu
from sweeps.cli.logs import log_file
from sweeps.study.settings import ARRAYS
from sweeps.workers import Pool, Reference, default_count
from sweeps.workers.crew import Crew
from sweeps.workers.crews import MakeCrew

if TYPE_CHECKING:
    from sweeps.study.session import MakeTrainer
    from sweeps.study.settings import Settings
    from sweeps.study.sweep import Sweep

LOG = logging.getLogger("sweeps")


@contextmanager
def trainers(
    sweep: Sweep, settings: Settings, *, workers: int | None = None, early: bool = False
) -> Iterator[MakeTrainer]:
    """Give what makes a session's trainer, and end its processes with the block.

    early: the workers of this machine are started now, to import TensorFlow while the driver
    opens its stores; those of a cluster once the study is known to be this driver's. A sweep that
    no other process can import (one defined in a notebook) is trained in this process, as
    `--workers 0` asks. workers: a number of its own, of this machine.
    """
    reference = Reference.of(sweep)
    count = settings.workers if workers is None else workers
    crew: MakeCrew = Crew
    if settings.per_gpu > 1 and settings.device != "gpu":
        raise BadInput(f"--per-gpu {settings.per_gpu} is for workers on GPUs: add --device gpu")
    if settings.cluster is not None and workers is None:
        count, crew = on_cluster(sweep, settings, reference)
        early = False  # it may take a while until there is room, of no use to a study that is done
    if count and reference is None:
        LOG.warning(
            "%d workers cannot import sweep %r, which is no global of a module or a file: it is "
            "trained in this process",
            count,
            sweep.name,
        )
    if count is None:
        count = default_count(settings.device, settings.per_gpu)
    pools: list[Pool] = []

    def start(reference: Reference, kind: str) -> None:
        log = log_file(settings.folder)
        pools.append(
            Pool(
                reference,
                count,
                trainer=kind,
                device=settings.device,
                log=log,
                per_gpu=settings.per_gpu,
                crew=crew,
            )
        )

    def make(objective: Objective[Any], data: Data, folder: Path, kind: str) -> Trainer:
        if reference is None or count == 0:
            if settings.device == "gpu":
                require_gpu()
            return here(objective, data, kind)
        if kind != early_kind:
            for pool in pools[:early]:
                pool.close()  # it holds cores of the cluster
            start(reference, kind)
        pools[-1].data(prepared(data, folder / ARRAYS))
        return pools[-1]

    early_kind = None
    try:
        if early and reference is not None and count:
            early_kind = settings.trainer or "auto"
            start(reference, early_kind)
        yield make
    finally:
        for pool in pools:
            pool.close()


def on_cluster(
    sweep: Sweep, settings: Settings, reference: Reference | None
) -> tuple[int, MakeCrew]:
    """Return how many workers there are on a cluster, and what starts them. Raises BadInput."""
    from sweeps.cluster import ALL, Fleet
    from sweeps.cluster.ray_engine import RayEngine

    if reference is None:
        raise BadInput(
            f"--cluster: sweep {sweep.name!r} is no global of a module or a file, so other "
            "machines cannot import it: define it at the top of a .py file"
        )
    if settings.workers == 0:
        raise BadInput("--workers 0 trains in this process: give 1 or more with --cluster")
    say = (lambda line: None) if settings.quiet else partial(print, flush=True)
    engine = partial(RayEngine, settings.cluster or "", log_file(settings.folder), say=say)
    engine()  # an address where nothing answers is refused before the data are read
    return settings.workers or ALL, lambda orders, places: Fleet(
        engine(), orders, places, say=say, over=lambda: settings.out_of_time
    )


def prepared(data: Data, folder: Path) -> Path:
    """Write the arrays that workers map, unless they are there already."""
    known = folder / "data.json"
    if not known.exists() or json.loads(known.read_text("utf-8")).get("digest") != data.digest:
        known.unlink(missing_ok=True)
        data.save(folder)
    return folder
