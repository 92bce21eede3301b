"""The contract of every trainer, free of TensorFlow: all that a loop and an engine share.

A trainer takes specs lazily (taking the next one *is* asking the study for it), hands every
epoch's logs to `on_epoch`, obeys its answer, and yields a result a trial. One trial at a time
in this process, N worker processes, or K trials in one program: callers cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from objectives import BadInput, Monitor
from objectives.monitor import VAL_LOSS, unknown
from objectives.nearest import nearest

if TYPE_CHECKING:
    from objectives import Data, Objective
    from objectives.training.fit import FitTrainer

__all__ = [  # the contract; CONTRIBUTING.md says how another engine keeps it
    "Decision",
    "Logs",
    "OnEpoch",
    "Outcome",
    "Trainer",
    "TrialResult",
    "TrialSpec",
]

Logs = dict[str, float]
Way = Literal["xla", "graph", "fit"]  # how epochs run
CHECKPOINT_EVERY = 60.0  # seconds
PLATEAU = 0.03  # relative gain over the first epoch, below which a curve is still on its plateau


class Decision(Enum):
    """What to do after an epoch."""

    CONTINUE = "continue"
    PRUNE = "prune"
    STOP = "stop"  # the sweep ends here (time is up): the trial is interrupted, not ended


class Outcome(Enum):
    """How a trial's training ended."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    INFEASIBLE = "infeasible"  # its model is beyond a limit: it was not trained
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class TrialSpec:
    """One trial, whole: the same spec gives the same curve wherever it is trained.

    Args:
        number: Unique within one `train` call.
        config: What the objective's `build` takes; it can be pickled.
        seed: Of the initial weights, the order of the rows and dropout.
        max_epochs: How long it trains at most.
        monitor: What decides.
        rungs: The epochs at which the trial may be judged; a trainer in another process waits for
            an answer only there.
        patience: Epochs without a better value after which the trial is complete, 0 for never; a
            curve still on its initial plateau is waited for.
        weights: Where the best epoch's weights go (an `.npz` of plain arrays) when the trial
            completes.
        share: Of the training rows, the random part of them that is used; it depends on the seed
            alone.
        checkpoint: Where a trial that runs for more than `checkpoint_every` seconds keeps its
            state, that often, in a file of this name and an ending; the trial begins with what is
            there, its kept epochs reported first. Whoever gave the name deletes the file
            (`files.forget`).
        checkpoint_every: Seconds.
        files: The trial's own folder for the files of callbacks such as ModelCheckpoint; None:
            those that only write files are left out.
        ways: Of structures that the study has met, "xla", "graph" or "fit": they are not measured
            again.
        check: Whether the first steps of a structure of a user's own model are compared with
            `fit`'s.
        limits: The most that the built model may cost, by the name of the cost
            (`objectives.costs`). A trial beyond one ends as INFEASIBLE before it trains; the costs
            are in its result's `extra`, by name, and so are those of every other trial. An
            infinite one only has the cost measured.
        rates: Of a net that is refitted, on data whose validation rows are learned from: the
            learning rate of each epoch, in place of the callbacks that read these rows.
    """

    number: int
    config: Any
    seed: int
    max_epochs: int
    monitor: Monitor = VAL_LOSS
    rungs: tuple[int, ...] = ()
    patience: int = 0
    weights: Path | None = None
    share: float = 1.0
    checkpoint: Path | None = None
    checkpoint_every: float = CHECKPOINT_EVERY
    files: Path | None = None
    ways: Mapping[str, str] = field(default_factory=dict, hash=False)
    check: bool = True
    limits: Mapping[str, float] = field(default_factory=dict, hash=False)
    rates: tuple[float, ...] | None = None


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Args:
        spec: What was trained.
        outcome: How it ended.
        value: The best monitored value, None if no epoch was finite.
        best_epoch: The epoch of that value.
        epochs: Finite epochs run.
        seconds: That they took.
        error: A failed trial's traceback.
        fallback: Why a slower way was taken, or None.
        extra: Plain values to keep: "structure" and "way", costs, and numbers to track.
    """

    spec: TrialSpec
    outcome: Outcome
    value: float | None = None
    best_epoch: int | None = None
    epochs: int = 0
    seconds: float = 0.0
    error: str | None = None
    fallback: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


# spec, epoch (1-based: Optuna's and MLflow's step), Keras's logs with learning_rate, always.
OnEpoch = Callable[[TrialSpec, int, Logs], Decision]


class Trainer(Protocol):
    """An engine that trains specs: in this process, in others, or on other machines."""

    @property
    def places(self) -> int:
        """How many trials it trains at once elsewhere; 0: one at a time, in this process."""
        ...

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Generator[TrialResult]:
        """Train what an iterator gives.

        Args:
            specs: Taking the next one asks the study for it: it is taken only where a place is
                free. At most `max(places, 1)` are under way.
            on_epoch: Takes every epoch's logs in order, on the caller's thread, and answers what
                to do next. Between rungs the answer is CONTINUE, or STOP.

        Returns:
            A result for every spec that was taken, in the order in which they end; the next spec
            is taken after the caller has come back for more. None is taken after a STOP. What
            fails in a trial is its result, FAILED with a traceback.

        Raises:
            BadInput: Where no trial could do better, as when the monitor is no metric of the model
                (`UnknownMonitor`).
            RuntimeError: Where nothing can be trained at all.
        """
        ...

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Score a trial on the test part.

        Args:
            spec: Of a complete trial, with the `weights` that it kept.
            model: Where the whole model is written, preprocessing included, if it is given.

        Returns:
            Scores by name, each beginning with `test_`. Where the objective has `scores`, the
            predictions are kept beside the weights, as `.npy`.
        """
        ...

    def close(self) -> None:
        """End every process and free what is held. A closed trainer is not used again."""
        ...


class UnknownMonitor(BadInput):
    """The monitored name is not among an epoch's logs."""


class NoModel(BadInput):
    """What `build` gave is no compiled model, and it gave none before."""


class Best:
    """Best monitored value so far and its epoch; infinite and None before the first."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.value = monitor.worst
        self.epoch: int | None = None

    def update(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Take an epoch's logs; return whether it is the best one so far.

        Raises UnknownMonitor, naming the metrics there are, where the monitor is missing.
        """
        name = self.monitor.name
        if name not in logs:
            known = sorted(name for name in logs if name.startswith("val_"))
            near = nearest(name, known)
            raise UnknownMonitor(
                f"monitor {name!r} is not a metric of this model"
                + (f", did you mean {near[0]!r}?" if near else "")
                + f" (it has: {', '.join(known)})"
            )
        if self.epoch is None and not self.monitor.certain(logs):
            raise UnknownMonitor(unknown(name))
        value = float(logs[name])
        if math.isnan(value):  # nothing was reported for this epoch
            return False
        if self.epoch is None or self.monitor.better(value, self.value):
            self.value, self.epoch = value, epoch
            return True
        return False


def default_patience(max_epochs: int) -> int:
    """Return a quarter of the epochs, and more than ReduceLROnPlateau waits before it drops."""
    return max(25, max_epochs // 4)


def on_plateau(first: float, now: float) -> bool:
    """Return whether a curve has hardly left the value of its first epoch."""
    return abs(first - now) < PLATEAU * abs(first)


def finite(logs: Mapping[str, float], monitor: Monitor) -> bool:
    """Return whether an epoch's losses and monitor are all finite."""
    watched = {"loss", "val_loss", monitor.name} & set(logs)
    return all(math.isfinite(logs[name]) for name in watched)


def effective_rate(learning_rate: float, beta_1: float, beta_2: float, steps: int) -> float:
    """Return Adam's effective rate lr * sqrt(1 - b2^t) / (1 - b1^t) after t steps.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", section 2.
    """
    return learning_rate * math.sqrt(1.0 - beta_2**steps) / (1.0 - beta_1**steps)


TRAINERS = ("auto", "xla", "graph", "fit")


def here(objective: Objective[Any], data: Data, trainer: str = "auto") -> Trainer:
    """Return a trainer in this process.

    trainer: "auto" runs whole epochs the fastest way, "xla" and "graph" one way wherever it is
    possible, "fit" calls `model.fit`.
    """
    from objectives.training.environment import prepare_environment

    prepare_environment()
    if objective.function is not None:
        from objectives.training.function import FunctionTrainer

        if trainer in ("xla", "graph"):
            raise BadInput(f"--trainer {trainer}: the function trains by itself, with model.fit")
        return FunctionTrainer(objective, data)
    if data.folds:
        from objectives.training.folds import FoldsTrainer

        return FoldsTrainer(_of_one_net(objective, data.folds[0], trainer), data)
    return _of_one_net(objective, data, trainer)


def _of_one_net(objective: Objective[Any], data: Data, trainer: str) -> FitTrainer:
    if trainer == "fit":
        from objectives.training.fit import FitTrainer

        return FitTrainer(objective, data)
    from objectives.training.compiled import CompiledTrainer

    return CompiledTrainer(objective, data, trainer)
