"""An average of trained nets: what they predict, and what the average scores."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.judging import threshold
from objectives.judging.choosing import Predicted, choose, held_out, without
from objectives.structures import is_array, leaves
from objectives.training import TrialResult
from objectives.training.averaged_model import write
from objectives.training.averages import CELLS
from objectives.training.batches import arrays
from objectives.training.fit import FitTrainer, of_test
from objectives.training.judged import Judge, Meaningless, common, penalty_of
from objectives.training.one_model import packing_of
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

MANY, ROOM = 2048, 1_000_000  # rows, and numbers in them, that are predicted at once
CLOSE = 1e-3  # relative: a value computed from predictions is the trial's own, but for rounding


@dataclasses.dataclass(frozen=True)
class Net:
    """A trained net and what it predicts, packed. penalty: what its weights add to its loss."""

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
        if trainer.data.stream is not None:
            raise Meaningless("the data are data sets, and an average needs arrays")
        if trainer.data.train.y is None:
            raise Meaningless("there is no y to judge it by")
        if not all(map(is_array, leaves(trainer.data.train.x))):
            raise Meaningless("an input has ragged rows")
        self.trainer, self.spec = trainer, nets[0].spec
        self.parts = {"val": arrays(trainer.data.validation), "test": arrays(trainer.data.test)}
        x, *_ = self.parts["val"]
        self.batch = at_once(x, trainer.objective.batch(self.spec.config))
        self.packing = packing_of(trainer.build(self.spec), x)
        first = self._net(nets[0], folder)
        # A loss that is a sum is another one in other batches.
        for batch in dict.fromkeys((self.batch, trainer.objective.batch(self.spec.config))):
            self.judge = Judge(trainer.build(self.spec), batch, self.packing)
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
            "held_out": spread(gaps, mine.weights),
            "on_test": spread(gaps_on_test, theirs.weights),
            "adds": {str(self.nets[i].number): without(mine, every, of, int(i)) for i in order},
        }

    def predictions(self, weights: Array, part: str) -> Array:
        """Return what an average predicts of a part."""
        nets = np.stack([self._of(net, part) for net in self.nets])
        used = self._used(weights)
        return np.tensordot(weights[used], nets[used], 1).astype(nets.dtype)

    def _used(self, weights: Array) -> list[int]:
        """Return the places of an average's nets, in an order on which no digit depends."""
        return sorted(np.flatnonzero(weights), key=lambda i: self.nets[i].number)

    def _penalty(self, weights: Array) -> float:
        """Return an average's part of the loss that does not depend on the rows."""
        used = self._used(weights)
        return float(weights[used] @ [self.nets[i].penalty for i in used])

    def _of(self, net: Net, part: str) -> Array:
        return net.validation if part == "val" else net.test

    def _predicted(self, part: str) -> Predicted:
        _, y, *weight = self.parts[part]
        nets = np.stack([self._of(net, part) for net in self.nets])
        of_rows = common(weight)
        of_rows = np.ones(nets.shape[1]) if of_rows is None else of_rows
        return Predicted(nets, self.judge.row_loss(y, weight), of_rows)

    def _scores(self, weights: Array) -> dict[str, float]:
        """Return the scores of an average on both parts, named as those of a trial."""
        spec, objective = self.spec, self.trainer.objective
        said = {part: self.predictions(weights, part) for part in self.parts}
        penalty = self._penalty(weights)
        found = {}
        for part, (_, y, *weight) in self.parts.items():
            scores = self.judge.scores(said[part], y, weight, penalty)
            if part == "val":
                found[spec.monitor.name] = scores[spec.monitor.name.removeprefix("val_")]
                continue
            if objective.scores is not None:
                scores |= objective.scores(y, self.packing.unpack(said[part]))
                if (goal := threshold.wanted(self.trainer.data)) is not None:
                    truth = self.parts["val"][1]
                    scores |= threshold.decided(goal, (truth, said["val"]), (y, said[part]))
            found |= of_test(scores)
        return found

    def _value(self, predictions: Array, weights: Array) -> float:
        """Return the monitored value of predictions of the validation part."""
        _, y, *weight = self.parts["val"]
        scores = self.judge.scores(predictions, y, weight, self._penalty(weights))
        return scores[self.spec.monitor.name.removeprefix("val_")]

    def _own(self, net: Net) -> bool:
        """Return whether a net's predictions give the value that it reached in training."""
        _, y, *weight = self.parts["val"]
        value = net.trained.value
        if value is None:
            return False
        if self.spec.monitor.name == "val_loss" and not weight:  # the cheap way
            every = np.arange(len(net.validation))
            found = float(self.judge.row_loss(y)(net.validation[None], every).mean())
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
        validation, test = (
            self.packing.pack(scorer.predict(x, self.batch)) for x, *_ in self.parts.values()
        )
        penalty = penalty_of(scorer.model)
        folder.mkdir(parents=True, exist_ok=True)
        replace(
            file,
            lambda to: np.savez(to, validation=validation, test=test, penalty=np.array(penalty)),
        )
        return Net(trained, validation, test, penalty)


def at_once(x: Any, batch: int) -> int:
    """Return how many rows are predicted at once: a batch, and more where they are short."""
    cells: int = sum(one[:1].size for one in leaves(x))
    return max(batch, min(MANY, ROOM // max(1, cells)))


def _changed(weights: Path | None) -> int:
    """Return when weights were written."""
    return weights.stat().st_mtime_ns if weights is not None else 0


def spread(gaps: Array, weights: Array) -> dict[str, float]:
    """Return mean, standard deviation and count of the rows' differences."""
    mean = float(np.average(gaps, weights=weights))
    spread = float(np.average((gaps - mean) ** 2, weights=weights)) ** 0.5
    # Unequal weights tell less than as many rows of equal ones (Kish).
    rows = float(weights.sum() ** 2 / (weights**2).sum())
    return {"mean": mean, "spread": spread, "rows": int(rows)}
