"""Cross-validation: a trial is one net for each fold, and its value the mean over them.

The nets are trained in turn, an epoch each, so that a trial is judged by the mean at an epoch.
Each of them is trained as it would be alone, on its fold's rows, with its own callbacks.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput
from objectives.judging import threshold
from objectives.monitor import VAL_LOSS
from objectives.training import Logs, OnEpoch, Outcome, TrialResult, TrialSpec
from objectives.training.fit import of_test
from objectives.training.fold_average import FoldAverage, of_one
from objectives.training.judged import Meaningless
from objectives.training.live_folds import LiveFolds
from objectives.training.progress import Progress, load_weights
from objectives.training.settings import unchanged
from objectives.training.turns import Turn

if TYPE_CHECKING:
    from objectives import Data, Monitor
    from objectives.training.fit import FitTrainer
    from objectives.training.live import LiveState


class FoldsTrainer:
    """Trains one trial at a time in this process, as one net for each fold of the data.

    An epoch's logs are the means over the folds, with equal weights, and the standard error of the
    monitored mean as `NAME_se`; `epoch_seconds` is a sum. The patience of a trial counts epochs of
    the mean; callbacks act in each fold by themselves. A fold that a callback has ended keeps its
    last values while others go on.

    Args:
        trainer: Trains the nets of one fold of `data`.
        data: In folds.
    """

    places = 0

    def __init__(self, trainer: FitTrainer, data: Data) -> None:
        self.data = data
        self.objective = trainer.objective
        self._trainers = [trainer, *(trainer.on(fold) for fold in data.folds[1:])]
        self._judged = False

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Generator[TrialResult]:
        """Yield a result for every spec; an interrupted trial is the last."""
        for spec in specs:
            progress = Progress(spec, on_epoch)
            result = progress.run(functools.partial(self._trial, progress))
            yield result
            if result.outcome is Outcome.INTERRUPTED:
                return

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return the test part's scores of the average of the nets; write it if asked.

        The predictions behind the scores are kept beside the weights, as `.npy`.
        """
        with unchanged():
            found = self._average(spec).scores()
            if model is not None:  # what is written is compiled as any model is
                plain = dataclasses.replace(spec, monitor=VAL_LOSS)
                self._average(plain).write(model, found.get(threshold.KEY))
            return of_test(found)

    def close(self) -> None:
        """Free what is kept of closed trials."""
        for trainer in self._trainers:
            trainer.close()

    def _average(self, spec: TrialSpec) -> FoldAverage:
        kept = iter(load_weights(spec.weights))
        nets = []
        for trainer, own in zip(self._trainers, specs_of(spec, len(self._trainers)), strict=True):
            net = trainer.build(own)
            net.set_weights([next(kept) for _ in net.weights])
            nets.append(net)
        return FoldAverage(self.objective, self.data, spec, nets)

    def _trial(self, progress: Progress) -> None:
        with unchanged():
            folds = [
                Fold(trainer, own)
                for trainer, own in zip(
                    self._trainers, specs_of(progress.spec, len(self._trainers)), strict=True
                )
            ]
            for fold in folds[1:]:
                fold.follow(folds[0])
            try:
                self._lockstep(progress, folds)
            finally:
                for fold in folds:
                    fold.turn.drop()
                _tell(progress, folds)

    def _lockstep(self, progress: Progress, folds: Sequence[Fold]) -> None:
        spec = progress.spec
        for fold in folds:  # up to its costs
            fold.turn.take()
        # What export writes holds the nets of all folds.
        progress.admit(
            lambda names: {name: sum(fold.costs[name] for fold in folds) for name in names}
        )
        for fold in folds:  # up to its first epoch
            fold.turn.take()
        together = LiveFolds(folds)
        first = progress.begin(together, together.kind, *(fold.made for fold in folds))
        for fold in folds:
            fold.first = first
        progress.weights = lambda: [array for fold in folds for array in fold.weights()]
        for epoch in range(first + 1, spec.max_epochs + 1):
            for fold in folds:
                if not fold.turn.ended:
                    fold.turn.take()
            if all(fold.turn.ended for fold in folds):
                break
            logs = mean([fold.logs for fold in folds], spec.monitor)
            if not self._judged:
                self._check(spec, folds[0])
            if not progress.epoch(epoch, logs):
                break
        for fold in folds:
            fold.goes_on = False
            if not fold.turn.ended:
                fold.turn.take()

    def _check(self, spec: TrialSpec, fold: Fold) -> None:
        """Raise BadInput where an average of such nets could not be scored in the end."""
        value = fold.logs.get("val_loss", math.nan)
        if not math.isfinite(value) or fold.live is None:
            return
        self._judged = True
        try:
            FoldAverage(self.objective, of_one(fold.trainer.data), spec, [fold.live.of]).judges(
                value
            )
        except Meaningless as why:
            raise BadInput(
                f"--folds {len(self.data.folds)}: export would write the average of the nets of "
                f"all folds, and {why}: leave --folds out"
            ) from None


class Fold(Progress):
    """One fold's net in training. It pauses with its costs, before it trains, and at each epoch.

    costs, live, made, logs: what is known at each pause. first: the epochs that a checkpoint
    spares. goes_on: whether it trains on after this epoch.
    """

    def __init__(self, trainer: FitTrainer, spec: TrialSpec) -> None:
        super().__init__(spec, _nobody)
        self.trainer = trainer
        self.turn = Turn(functools.partial(trainer.trial, self))
        self.costs: Mapping[str, int] = {}
        self.live: LiveState | None = None
        self.kind = ""
        self.made: tuple[object, ...] = ()
        self.first = 0
        self.logs: Logs = {}
        self.goes_on = True
        self._passed: set[str] = set()

    def follow(self, leader: Fold) -> None:
        """Let epochs run the way that they run in another fold, whatever would be faster."""
        self.spec = dataclasses.replace(self.spec, ways=SameWay(self.spec.ways, leader))

    def admit(self, measure: Callable[[Iterable[str]], Mapping[str, int]]) -> None:
        """Pause with what the model costs."""
        self.costs = measure(self.spec.limits) if self.spec.limits else {}
        self._pause_once("admit")

    def begin(self, live: Any, kind: str, *made_of: object) -> int:
        """Pause before the first epoch; return the epochs that a checkpoint spares."""
        self.live, self.kind, self.made = live, kind, made_of
        if self.first:
            raise RuntimeError("a fold cannot go on from the checkpoint the way that it was kept")
        self._pause_once("begin")
        return self.first

    def epoch(self, epoch: int, logs: Logs) -> bool:
        """Pause with an epoch's logs; return whether training goes on."""
        self.logs = logs
        self.turn.pause()
        return self.goes_on

    def _pause_once(self, where: str) -> None:
        # What cannot be compiled after all begins again, by `fit`.
        if where not in self._passed:
            self._passed.add(where)
            self.turn.pause()


class SameWay(dict[str, str]):
    """The ways of structures, where all run as another fold's does: their digits depend on it."""

    def __init__(self, known: Mapping[str, str], leader: Fold) -> None:
        super().__init__(known)
        self._leader = leader

    def get(self, key: str, default: Any = None) -> Any:
        """Return the other fold's way."""
        return self._leader.extra.get("way", default)


def specs_of(spec: TrialSpec, folds: int) -> list[TrialSpec]:
    """Return the spec of each fold's net: its seed depends on the trial's alone."""

    def files(fold: int) -> Path | None:
        return spec.files and spec.files.with_name(f"{spec.files.name}-fold-{fold}")

    return [
        dataclasses.replace(
            spec,
            seed=seed_of(spec.seed, fold),
            rungs=(),
            patience=0,
            weights=None,
            files=files(fold),
        )
        for fold in range(1, folds + 1)
    ]


def seed_of(seed: int, fold: int) -> int:
    """Return the seed of a fold's net, by the trial's; folds are counted from 1."""
    return int(np.random.SeedSequence([seed, fold]).generate_state(1)[0])


def mean(folds: Sequence[Logs], monitor: Monitor) -> Logs:
    """Return the means of the folds' logs, and the standard error of the monitored one."""
    names = [name for name in folds[0] if all(name in logs for logs in folds)]
    with np.errstate(all="ignore"):  # of what is not finite
        found = {name: float(np.mean([logs[name] for logs in folds])) for name in names}
        if monitor.name in found:
            values = [logs[monitor.name] for logs in folds]
            spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
            found[monitor.standard_error] = spread
    if "epoch_seconds" in found:
        found["epoch_seconds"] *= len(folds)
    return found


def _tell(progress: Progress, folds: Sequence[Fold]) -> None:
    """Let a trial's result have what is known of its folds, of the first one where they differ."""
    for fold in reversed(folds):
        progress.fallback = fold.fallback or progress.fallback
        progress.notes += [note for note in fold.notes if note not in progress.notes]
        own = {name: value for name, value in fold.extra.items() if name != "notes"}
        progress.extra |= own


def _nobody(*_: Any) -> Any:
    raise RuntimeError("a fold's epochs are no trial's")
