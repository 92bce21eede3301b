"""Sweeps with their defaults on small tables; what their nets predict is kept."""

from __future__ import annotations

import json
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.averages.tables import Table


def collect(table: Table, size: int, seed: int, trials: int, file: Path) -> None:
    """Run a sweep, and keep its complete nets' predictions and what it has chosen."""
    import sweeps
    from objectives import Source
    from sweeps.cli import python
    from sweeps.tracking import NoTracker

    python.make_tracker = lambda *_: NoTracker()  # type: ignore[assignment]
    sweep = import_module(f"sweeps.dense_{table.task}").SWEEP
    x, y, shares = table.arrays(size, seed)
    data = sweep.objective.from_arrays(x, y, Source(seed=seed, arrays=(), **shares))
    how: dict[str, Any] = {"seed": seed, "split_seed": seed, "trials": trials, **shares}
    how |= {"workers": 0, "trainer": "graph", "check": False, "peers": "off", "verbose": False}
    with tempfile.TemporaryDirectory() as folder:
        found = sweeps.run(sweep, data=(x, y), folder=Path(folder), **how)
        of = found.optuna.user_attrs
        files = sorted(Path(folder).glob(".sweeps/*/predictions/*.npz"))
        said = [np.load(one) for one in files]
        rows = found.trials.loc[[int(one.stem) for one in files]]
        known = {
            "task": table.task,
            "numbers": [int(one.stem) for one in files],
            "roles": list(rows["role"]),
            "values": list(map(float, rows["value"])),
            "winner": of["final"]["trial"],
            "average": {k: v for k, v in of["average"].items() if k != "files"},
            "test_loss": of["final"]["best"]["test_loss"],
            "confirm": {run: one["value"] for run, one in of.get("confirm", {}).items()},
        }
        # Told by the rows of this copy: the sweep has made the same split.
        truth = [np.ravel(part.y) for part in (data.validation, data.test)]
        part = file.with_suffix(".part.npz")
        np.savez(
            part,
            known=np.array(json.dumps(known)),
            validation=np.stack([one["validation"] for one in said]),
            test=np.stack([one["test"] for one in said]),
            y_validation=truth[0],
            y_test=truth[1],
            scale=np.array(np.var(np.asarray(data.train.y, np.float64))),
        )
    part.rename(file)
