"""An average of trained nets: what they predict, what the average scores, and its one model."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from objectives.judging import threshold
from objectives.judging.choosing import Predicted, choose, held_out, without
from objectives.monitor import VAL_LOSS
from objectives.structures import nested
from objectives.training import TrialResult
from objectives.training.averages import CELLS
from objectives.training.batches import arrays
from objectives.training.epochs import fed
from objectives.training.fit import FitTrainer, export
from objectives.training.judged import Judge, Meaningless
from objectives.training.progress import load_weights
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.training import TrialSpec

    Array = NDArray[Any]

MANY, ROOM = 2048, 1_000_000  # rows, and numbers in them, that are predicted at once
CLOSE = 1e-3  # relative: a value computed from predictions is the trial's own, but for rounding


@dataclasses.dataclass(frozen=True)
class Net:
    """A trained net. penalty: what its weights add to its loss."""

    trained: TrialResult
    validation: Array
    test: Array
    penalty: float

    @property
    def number(self) -> int:
        """The trial's."""
        return self.trained.spec.number

    @property
    def values(self) -> int:
        """How many numbers it predicts."""
        return self.validation.size + self.test.size


def average(
    trainer: FitTrainer,
    nets: Sequence[TrialResult],
    folder: Path,
    most: int,
    weights: Mapping[int, float] | None,
    model: Path | None,
) -> dict[str, Any]:
    """Do what `Averages.average` says."""
    started = time.perf_counter()
    try:
        found = Averaging(trainer, nets, folder).found(most, weights)
        if model is not None:
            found["files"] = write(trainer, nets, found, model)
    except Meaningless as why:
        return {"reason": str(why)}
    return found | {"seconds": round(time.perf_counter() - started, 3)}


class Averaging:
    """Nets, what they predict, and who judges it."""

    def __init__(self, trainer: FitTrainer, nets: Sequence[TrialResult], folder: Path) -> None:
        if trainer.data.stream is not None or nested(trainer.data.train.x):
            raise Meaningless("the inputs are not one array")
        self.trainer, self.spec = trainer, nets[0].spec
        self.parts = {"val": arrays(trainer.data.validation), "test": arrays(trainer.data.test)}
        x, *_ = self.parts["val"]
        self.batch = at_once(x, trainer.objective.batch(self.spec.config))
        first = self._net(nets[0], folder)
        # A loss that is a sum is another one in other batches.
        for batch in dict.fromkeys((self.batch, trainer.objective.batch(self.spec.config))):
            self.judge = Judge(trainer.build(self.spec), batch)
            self.judge.on(first.validation)
            if self._own(first):
                break
        else:
            raise Meaningless(
                f"{self.spec.monitor.name} of this model cannot be computed from its predictions "
                "alone"
            )
        _, y, *weight = self.parts["val"]
        self.judge.scale(first.validation, y, weight)
        room = CELLS // first.values
        if room < 2:
            raise Meaningless("what one net predicts of the validation and test part is too large")
        others = [self._net(one, folder) for one in nets[1:room]]
        same = (one for one in others if one.validation.shape == first.validation.shape)
        self.nets = [first, *(one for one in same if self._own(one))]

    def found(self, most: int, weights: Mapping[int, float] | None) -> dict[str, Any]:
        """Choose, judge and score."""
        if len(self.nets) < 2:
            raise Meaningless("it takes two complete trials whose nets predict the same at least")
        mine, theirs = (self._predicted(name) for name in ("val", "test"))
        every = mine.every
        single = np.eye(len(self.nets))[0]
        if weights is None:
            of = choose(mine, every, most)
        elif lacking := weights.keys() - {net.number for net in self.nets}:
            raise Meaningless(f"trials {sorted(lacking)} predict something else by now")
        else:
            of = np.array([weights.get(net.number, 0.0) for net in self.nets])
        apart, gaps = held_out(mine, lambda rows: choose(mine, rows, most), single)
        gaps_on_test = theirs.row_losses(of, theirs.every) - theirs.row_losses(
            single, theirs.every
        )
        order = sorted(np.flatnonzero(of), key=lambda i: (-of[i], i))
        name = self.spec.monitor.name
        alone = self._scores(single)
        return {
            "members": [[self.nets[i].number, float(of[i])] for i in order],
            "average": self._scores(of),
            "single": alone,
            "number": self.nets[0].number,
            "chosen_apart": [self._value(apart, of), alone[name]],
            "held_out": _spread(gaps, mine.weights),
            "on_test": _spread(gaps_on_test, theirs.weights),
            "adds": {str(self.nets[i].number): without(mine, every, of, int(i)) for i in order},
        }

    def predictions(self, weights: Array, part: str) -> Array:
        """Return what an average predicts of a part."""
        nets = np.stack([self._of(net, part) for net in self.nets])
        used = np.flatnonzero(weights)
        return np.tensordot(weights[used], nets[used], 1).astype(nets.dtype)

    def _of(self, net: Net, part: str) -> Array:
        return net.validation if part == "val" else net.test

    def _predicted(self, part: str) -> Predicted:
        _, y, *weight = self.parts[part]
        rows = np.asarray(weight[0], np.float64) if weight else np.ones(len(y))
        return Predicted(
            np.stack([self._of(net, part) for net in self.nets]), self.judge.row_loss(y), rows
        )

    def _scores(self, weights: Array) -> dict[str, float]:
        """Return the scores of an average on both parts, named as those of a trial."""
        spec, objective = self.spec, self.trainer.objective
        said = {part: self.predictions(weights, part) for part in self.parts}
        penalty = float(weights @ [net.penalty for net in self.nets])
        found = {}
        for part, (_, y, *weight) in self.parts.items():
            scores = self.judge.scores(said[part], y, weight, penalty)
            if part == "val":
                found[spec.monitor.name] = scores[spec.monitor.name.removeprefix("val_")]
                continue
            if objective.scores is not None:
                scores |= objective.scores(y, said[part])
                if (goal := threshold.wanted(self.trainer.data)) is not None:
                    truth = self.parts["val"][1]
                    scores |= threshold.decided(goal, (truth, said["val"]), (y, said[part]))
            found |= {
                name if name == threshold.KEY else f"test_{name}": float(np.mean(value))
                for name, value in scores.items()
            }
        return found

    def _value(self, predictions: Array, weights: Array) -> float:
        """Return the monitored value of predictions of the validation part."""
        _, y, *weight = self.parts["val"]
        penalty = float(weights @ [net.penalty for net in self.nets])
        scores = self.judge.scores(predictions, y, weight, penalty)
        return scores[self.spec.monitor.name.removeprefix("val_")]

    def _own(self, net: Net) -> bool:
        """Return whether a net's predictions give the value that it reached in training."""
        _, y, *weight = self.parts["val"]
        value = net.trained.value
        if value is None:
            return False
        if self.spec.monitor.name == "val_loss" and not weight:  # the cheap way
            found = float(self.judge.row_loss(y)(net.validation[None], np.arange(len(y))).mean())
            if np.isclose(found + net.penalty, value, CLOSE, CLOSE / 100):
                return True
        scores = self.judge.scores(net.validation, y, weight, net.penalty)
        shown = scores.get(self.spec.monitor.name.removeprefix("val_"))
        return shown is not None and bool(np.isclose(shown, value, CLOSE, CLOSE / 100))

    def _net(self, trained: TrialResult, folder: Path) -> Net:
        """Return a net with its predictions, which are computed once and kept."""
        spec = trained.spec
        file = folder / f"{spec.number:05d}.npz"
        if file.exists() and file.stat().st_mtime_ns >= _changed(spec.weights):
            with np.load(file, allow_pickle=False) as kept:
                return Net(trained, kept["validation"], kept["test"], float(kept["penalty"]))
        scorer = self.trainer.scorer(spec)
        found = [scorer.predict(x, self.batch) for x, *_ in self.parts.values()]
        if not all(isinstance(one, np.ndarray) and one.dtype.kind == "f" for one in found):
            raise Meaningless("the model predicts something else than one array of numbers")
        penalty = float(sum(float(loss) for loss in scorer.model.losses))
        validation, test = (np.asarray(one, np.float32) for one in found)
        folder.mkdir(parents=True, exist_ok=True)
        replace(
            file,
            lambda to: np.savez(to, validation=validation, test=test, penalty=np.array(penalty)),
        )
        return Net(trained, validation, test, penalty)


def at_once(x: Array, batch: int) -> int:
    """Return how many rows are predicted at once: a batch, and more where they are short."""
    return max(batch, min(MANY, ROOM // max(1, x[:1].size)))


def _changed(weights: Path | None) -> int:
    """Return when weights were written."""
    return weights.stat().st_mtime_ns if weights is not None else 0


def _spread(gaps: Array, weights: Array) -> dict[str, float]:
    """Return mean, standard deviation and count of the rows' differences."""
    mean = float(np.average(gaps, weights=weights))
    spread = float(np.average((gaps - mean) ** 2, weights=weights)) ** 0.5
    # Unequal weights tell less than as many rows of equal ones (Kish).
    rows = float(weights.sum() ** 2 / (weights**2).sum())
    return {"mean": mean, "spread": spread, "rows": int(rows)}


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
    started = time.perf_counter()
    model.predict(fed(x), batch, verbose=0)
    return {"seconds": round(time.perf_counter() - started, 4)}


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
