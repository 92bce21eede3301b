"""The average of the nets of all folds: its scores on the test part, and its one model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from objectives.judging import threshold
from objectives.structures import mapped
from objectives.training import Logs, TrialSpec
from objectives.training.batches import arrays
from objectives.training.epochs import fed
from objectives.training.fit import export
from objectives.training.judged import Judge, Meaningless, penalty_of
from objectives.training.one_model import joined, packing_of, uncompiled
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Data, Objective

    Array = NDArray[Any]

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
        self.packing = packing_of(nets[0], arrays(data.folds[0].test)[0])

    def scores(self) -> Logs:
        """Return the scores on the test part, and the threshold between two classes."""
        said = self._said("test")
        average = np.mean(said, axis=0)
        _, y, *weight = arrays(self.data.test)
        penalty = float(np.mean([penalty_of(net) for net in self.nets]))
        scores = self._judge(average).scores(average, y, weight, penalty)
        if self.objective.scores is not None:
            scores |= self.objective.scores(y, self.packing.unpack(average))
            if (goal := threshold.wanted(self.data)) is not None:
                # Of each row outside the test part, by the net that was not trained on it.
                truth = np.concatenate([fold.validation.y for fold in self.data.folds])
                apart = np.concatenate(self._said("validation"))
                scores |= threshold.decided(goal, (truth, apart), (y, average))
            if self.spec.weights is not None and not self.packing.names:
                file = self.spec.weights.with_suffix(".npy")
                replace(file, lambda to: np.save(to, average))
        return scores

    def judges(self, value: float) -> None:
        """Raise Meaningless where predictions alone do not tell a net's loss, which is known.

        value: the first net's, on its validation part.
        """
        said = self._said("validation")[0]
        _, y, *weight = arrays(self.data.folds[0].validation)
        found = self._judge(said).scores(said, y, weight, penalty_of(self.nets[0]))["loss"]
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
        members = []
        for net, fold in zip(self.nets, self.data.folds, strict=True):
            member = net
            if fold.preprocessing is not None:
                from objectives.preprocessing import assemble

                member = assemble(net, fold.preprocessing)
            members.append((member, 1 / len(self.nets)))
        # A column may be left out in a fold, or need float64 in one.
        by_name = self.data.preprocessing is not None
        whole = joined(members, self.data.test.x, self.packing, by_name=by_name, like=self.nets[0])
        for net in self.nets:
            uncompiled(net)
        return whole

    def _judge(self, predictions: Array) -> Judge:
        judge = Judge(self.nets[0], self.batch, self.packing)
        judge.on(predictions)
        return judge

    def _said(self, part: str) -> list[Array]:
        """Return what each net predicts of its fold's part, packed."""
        found = []
        for net, fold in zip(self.nets, self.data.folds, strict=True):
            x, *_ = arrays(getattr(fold, part))
            said = net.predict(mapped(fed, x), self.batch, verbose=0)
            found.append(self.packing.pack(said))
        return found


def of_one(data: Data) -> Data:
    """Return the data of one fold as data that have it alone."""
    return dataclasses.replace(data, folds=(data,))
