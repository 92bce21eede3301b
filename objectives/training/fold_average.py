"""The average of the nets of all folds: its scores on the test part, and its one model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from objectives.judging import threshold
from objectives.structures import leaves, mapped, nested, packed
from objectives.training import Logs, TrialSpec
from objectives.training.batches import arrays
from objectives.training.epochs import fed
from objectives.training.fit import export
from objectives.training.judged import Judge, Meaningless
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from objectives import Data, Objective

CLOSE = 1e-3  # relative: a loss computed from predictions is the net's own, but for rounding


class FoldAverage:
    """What the nets of a trial predict on average.

    Args:
        objective: Of which they are.
        data: In folds, one for each net.
        spec: Of the trial.
        nets: Trained ones.
    """

    def __init__(
        self, objective: Objective[Any], data: Data, spec: TrialSpec, nets: Sequence[keras.Model]
    ) -> None:
        self.objective = objective
        self.data = data
        self.spec = spec
        self.nets = nets
        self.batch = objective.batch(spec.config)

    def scores(self) -> Logs:
        """Return the scores on the test part, and the threshold between two classes."""
        said = self._said("test")
        average = _averaged(said)
        _, y, *weight = arrays(self.data.test)
        penalty = float(np.mean([_penalty(net) for net in self.nets]))
        scores = self._judge(average).scores(average, y, weight, penalty)
        if self.objective.scores is not None:
            scores |= self.objective.scores(y, average)
            if (goal := threshold.wanted(self.data)) is not None:
                # Of each row outside the test part, by the net that was not trained on it.
                truth = np.concatenate([fold.validation.y for fold in self.data.folds])
                apart = np.concatenate(self._said("validation"))
                scores |= threshold.decided(goal, (truth, apart), (y, average))
            if self.spec.weights is not None and isinstance(average, np.ndarray):
                file = self.spec.weights.with_suffix(".npy")
                replace(file, lambda to: np.save(to, average))
        return scores

    def judges(self, value: float) -> None:
        """Raise Meaningless where predictions alone do not tell a net's loss, which is known.

        value: the first net's, on its validation part.
        """
        said = self._said("validation")[0]
        _, y, *weight = arrays(self.data.folds[0].validation)
        found = self._judge(said).scores(said, y, weight, _penalty(self.nets[0]))["loss"]
        if not np.isclose(found, value, CLOSE, CLOSE / 100):
            raise Meaningless(
                f"its loss cannot be computed from predictions alone ({found:.4g} in place of "
                f"{value:.4g})"
            )

    def write(self, path: Path, cut: float | None) -> None:
        """Write the average as one model. cut: the threshold between two classes."""
        export(self.joined(), self.data, path, cut)

    def joined(self) -> keras.Model:
        """Return one model of Keras's own layers: the mean of what the nets predict."""
        judged, names = Judge.compiled_with(self.nets[0]), _names(self.nets[0])
        members = []
        for place, (net, fold) in enumerate(zip(self.nets, self.data.folds, strict=True), 1):
            # What a net was compiled with is not saved: an optimizer is twice its weights.
            net.compiled, net.optimizer, net._compile_metrics = False, None, None
            member = net
            if fold.preprocessing is not None:
                from objectives.preprocessing import assemble

                member = assemble(net, fold.preprocessing)
            member.name = f"fold_{place}"
            members.append(member)
        raw, said = self._called(members)
        name = iter(names)
        parts = zip(*map(leaves, said), strict=True)
        means = [
            keras.layers.Average(name=next(name), dtype=part[0].dtype)(list(part))
            for part in parts
        ]
        whole = keras.Model(raw, packed(said[0], iter(means)), name="average_of_folds")
        whole.compile("sgd", **judged)  # an optimizer that keeps no variables in the file
        return whole

    def _called(self, members: Sequence[keras.Model]) -> tuple[Any, list[Any]]:
        """Return inputs for all members, and what each makes of them."""
        if self.data.preprocessing is None:
            raw = self._inputs(members[0])
            return raw, [member(raw) for member in members]
        found: dict[str, Any] = {}  # a column may be left out in a fold, or need float64 in one
        for one in (one for member in members for one in member.inputs):
            if one.name not in found or one.dtype == "float64":
                found[one.name] = one
        raw = {
            name: keras.Input(one.shape[1:], name=name, dtype=one.dtype)
            for name, one in found.items()
        }
        said = [
            member(
                [
                    raw[one.name]
                    if raw[one.name].dtype == one.dtype
                    else keras.ops.cast(raw[one.name], one.dtype)
                    for one in member.inputs
                ]
            )
            for member in members
        ]
        return list(raw.values()), said

    def _inputs(self, member: keras.Model) -> Any:
        """Return inputs like those of a model, or like the data where it has none of its own."""
        known = getattr(member, "inputs", None)
        if not known:
            x = self.data.test.x
            flat = isinstance(x, Mapping) and not any(map(nested, x.values()))
            names = iter(x if flat else [None] * len(leaves(x)))
            return mapped(lambda one: _input(one, next(names)), x)
        own = getattr(member, "_inputs_struct", known) if len(known) > 1 else known[0]
        return mapped(lambda one: keras.Input(one.shape[1:], name=one.name, dtype=one.dtype), own)

    def _judge(self, predictions: Any) -> Judge:
        judge = Judge(self.nets[0], self.batch)
        judge.on(predictions, _names(self.nets[0]))
        return judge

    def _said(self, part: str) -> list[Any]:
        """Return what each net predicts of its fold's part."""
        found = []
        for net, fold in zip(self.nets, self.data.folds, strict=True):
            x, *_ = arrays(getattr(fold, part))
            said = mapped(np.asarray, net.predict(mapped(fed, x), self.batch, verbose=0))
            if any(one.dtype.kind != "f" for one in leaves(said)):
                raise Meaningless("its predictions are no numbers with a mean")
            found.append(said)
        return found


def _input(array: Any, name: str | None) -> Any:
    kind = "string" if array.dtype.kind in "SU" else str(array.dtype)
    return keras.Input(array.shape[1:], name=name, dtype=kind)


def of_one(data: Data) -> Data:
    """Return the data of one fold as data that have it alone."""
    return dataclasses.replace(data, folds=(data,))


def _averaged(said: Sequence[Any]) -> Any:
    means = (np.mean(part, axis=0) for part in zip(*map(leaves, said), strict=True))
    return packed(said[0], means)


def _penalty(net: keras.Model) -> float:
    """Return what a net's weights add to its loss."""
    try:
        return float(sum(float(loss) for loss in net.losses))
    except TypeError:  # what a layer's call has added is known only while it runs
        raise Meaningless("a layer of it adds a loss of its own") from None


def _names(net: keras.Model) -> list[str]:
    """Return the names of a net's outputs, by which losses may be given."""
    names = list(getattr(net, "output_names", None) or ["average"])
    return names if len(set(names)) == len(names) else [f"output_{k}" for k in range(len(names))]
