"""Which trainer a command gets: worker processes, started before anything else is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives import Data, Objective
from objectives.training import Trainer, here
from sweeps.cli.logs import FILE
from sweeps.workers import Pool, Reference, default_count

if TYPE_CHECKING:
    from sweeps.study.session import MakeTrainer, Settings
    from sweeps.study.sweep import Sweep


@contextmanager
def started(sweep: Sweep, settings: Settings, workers: int | None = None) -> Iterator[MakeTrainer]:
    """Start the worker processes; give what turns them into a trainer.

    They import TensorFlow while the driver opens its stores. A sweep that no other process can
    import (one defined in a notebook) is trained in this process, as `--workers 0` asks.
    """
    reference = Reference.of(sweep)
    count = workers if workers is not None else settings.workers
    if count is None:
        count = default_count()
    if reference is None or count == 0:
        yield lambda objective, data, _: here(objective, data, settings.trainer)
        return
    with Pool(
        reference,
        count,
        trainer=settings.trainer,
        device=settings.device,
        log=settings.folder / FILE,
    ) as pool:

        def make(_: Objective[Any], data: Data, folder: Path) -> Trainer:
            pool.data(prepared(data, folder / "data"))
            return pool

        yield make


def prepared(data: Data, folder: Path) -> Path:
    """Write the arrays that workers map, unless they are there already."""
    known = folder / "data.json"
    if not known.exists() or json.loads(known.read_text("utf-8")).get("digest") != data.digest:
        known.unlink(missing_ok=True)
        data.save(folder)
    return folder
