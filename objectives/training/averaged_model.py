"""The one model of an average of nets, and what it costs beside the single net."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from objectives.judging import threshold
from objectives.monitor import VAL_LOSS
from objectives.structures import mapped, rows
from objectives.training import TrialResult
from objectives.training.batches import arrays
from objectives.training.epochs import fed
from objectives.training.fit import FitTrainer, export
from objectives.training.one_model import joined, packing_of
from objectives.training.progress import load_weights

if TYPE_CHECKING:
    from objectives.training import TrialSpec
CALLS = 5  # predictions that are timed, of which the median counts


def write(
    trainer: FitTrainer, nets: Sequence[TrialResult], found: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    """Write the average as one model; return sizes and seconds, beside those of the single net."""
    specs = {one.spec.number: one.spec for one in nets}
    members = [
        (whole_model(trainer, specs[number]), weight) for number, weight in found["members"]
    ]
    x, *_ = arrays(trainer.data.test)
    batch = trainer.objective.batch(nets[0].spec.config)
    alone = whole_model(trainer, nets[0].spec)
    shown = {"single": _timed(alone, x, batch)}
    beside = path.with_name(f"single-{path.name}")
    export(alone, trainer.data, beside)
    shown["single"]["bytes"] = beside.stat().st_size
    beside.unlink()
    whole = joined(members, x, packing_of(trainer.build(nets[0].spec), x))
    shown["average"] = _timed(whole, x, batch)
    export(whole, trainer.data, path, found["average"].get(threshold.KEY))
    shown["average"]["bytes"] = path.stat().st_size
    return {"rows": rows(x), **shown}


def whole_model(trainer: FitTrainer, spec: TrialSpec) -> keras.Model:
    """Return a model of its own, compiled as any model is, with the kept weights."""
    model = trainer.build(dataclasses.replace(spec, monitor=VAL_LOSS))
    model.set_weights(load_weights(spec.weights))
    return model


def _timed(model: keras.Model, x: Any, batch: int) -> dict[str, float]:
    model.predict(mapped(fed, x), batch, verbose=0)  # the first call makes its program
    taken = []
    for _ in range(CALLS):  # one call alone tells as much of what else the machine does
        started = time.perf_counter()
        model.predict(mapped(fed, x), batch, verbose=0)
        taken.append(time.perf_counter() - started)
    return {"seconds": round(statistics.median(taken), 4)}
