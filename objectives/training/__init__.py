"""The contract of every trainer, free of TensorFlow.

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
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class TrialSpec:
    """One trial, whole: the same spec gives the same curve wherever it is trained.

    number: unique within one `train` call. monitor: what decides. rungs: the epochs at which the
    trial may be judged; a trainer in another process waits for an answer only there. patience:
    epochs without a better value after which the trial is complete, 0 for never; a curve still
    on its initial plateau is waited for. weights:
    where the best epoch's weights go (an `.npz` of plain arrays) when the trial completes. share:
    of the training rows, the random part of them that is used; it depends on the seed alone.
    checkpoint: where a trial that runs for more than `checkpoint_every` seconds keeps its state,
    that often, in a file of this name and an ending; the trial begins with what is there, its
    kept epochs reported first. Whoever gave the name deletes the file (`files.forget`). ways: of
    structures that the study has met, "xla", "graph" or "fit": they are not measured again.
    check: whether the first steps of a structure of a user's own model are compared with `fit`'s.
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
    ways: Mapping[str, str] = field(default_factory=dict, hash=False)
    check: bool = True


@dataclass(frozen=True)
class TrialResult:
    """value: the best monitored value, None if no epoch was finite. epochs: finite epochs run.

    error: a failed trial's traceback. fallback: why a slower trainer was taken, or None.
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
    """Trains specs; see the module's docstring."""

    def train(self, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> Generator[TrialResult]:
        """Yield a result for every spec taken, the caller told before the next is taken."""
        ...

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return the test part's scores under the kept weights; write the whole model if asked.

        Where the objective has `scores`, the predictions are kept beside the weights, as `.npy`.
        """
        ...

    def close(self) -> None:
        """End every process and free what is held. A closed trainer is not used again."""
        ...


class UnknownMonitor(BadInput):
    """The monitored name is not among an epoch's logs."""


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
    if trainer == "fit":
        from objectives.training.fit import FitTrainer

        return FitTrainer(objective, data)
    from objectives.training.compiled import CompiledTrainer

    return CompiledTrainer(objective, data, trainer)
