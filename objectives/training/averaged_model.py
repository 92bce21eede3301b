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
from objectives.training import TrialResult
from objectives.training.batches import arrays
from objectives.training.epochs import fed
from objectives.training.fit import FitTrainer, export
from objectives.training.judged import Judge, Meaningless
from objectives.training.progress import load_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import TrialSpec

    Array = NDArray[Any]

CALLS = 5  # predictions that are timed, of which the median counts


def write(
    trainer: FitTrainer, nets: Sequence[TrialResult], found: Mapping[str, Any], path: Path
) -> dict[str, Any]:
    """Write the average as one model; return sizes and seconds, beside those of the single net."""
    specs = {one.spec.number: one.spec for one in nets}
    members = [(_whole(trainer, specs[number]), weight) for number, weight in found["members"]]
    x, *_ = arrays(trainer.data.test)
    batch = trainer.objective.batch(nets[0].spec.config)
    alone = _whole(trainer, nets[0].spec)
    shown = {"single": _timed(alone, x, batch)}
    beside = path.with_name(f"single-{path.name}")
    export(alone, trainer.data, beside)
    shown["single"]["bytes"] = beside.stat().st_size
    beside.unlink()
    whole = joined(members, x)
    shown["average"] = _timed(whole, x, batch)
    export(whole, trainer.data, path, found["average"].get(threshold.KEY))
    shown["average"]["bytes"] = path.stat().st_size
    return {"rows": len(x), **shown}


def _whole(trainer: FitTrainer, spec: TrialSpec) -> keras.Model:
    """Return a model of its own, compiled as any model is, with the kept weights."""
    model = trainer.build(dataclasses.replace(spec, monitor=VAL_LOSS))
    model.set_weights(load_weights(spec.weights))
    return model


def _timed(model: keras.Model, x: Array, batch: int) -> dict[str, float]:
    model.predict(fed(x), batch, verbose=0)  # the first call makes its program
    taken = []
    for _ in range(CALLS):  # one call alone tells as much of what else the machine does
        started = time.perf_counter()
        model.predict(fed(x), batch, verbose=0)
        taken.append(time.perf_counter() - started)
    return {"seconds": round(statistics.median(taken), 4)}


def joined(members: Sequence[tuple[keras.Model, float]], x: Array) -> keras.Model:
    """Return one model of Keras's own layers: the weighted sum of what the members predict."""
    first = members[0][0]
    given = getattr(first, "inputs", None) or []
    if len(given) > 1:
        raise Meaningless("a model with several inputs is not averaged")
    if given:
        shape, dtype, name = given[0].shape[1:], given[0].dtype, given[0].name
        raw = keras.Input(shape, dtype=dtype, name=name)
    else:
        raw = keras.Input(x.shape[1:], dtype=str(x.dtype))
    judged = Judge.compiled_with(first)
    parts = []
    for place, (model, weight) in enumerate(members):
        model.name = f"net_{place}"
        # What a member was compiled with is not saved: an optimizer is twice its weights.
        model.compiled, model.optimizer, model._compile_metrics = False, None, None
        said = model(raw)
        scale = keras.layers.Rescaling(weight, dtype=said.dtype, name=f"weight_{place}")
        parts.append(scale(said))
    total = keras.layers.Add(name="average")(parts) if len(parts) > 1 else parts[0]
    whole = keras.Model(raw, total, name="average_of_nets")
    whole.compile("sgd", **judged)  # an optimizer that keeps no variables in the file
    return whole
