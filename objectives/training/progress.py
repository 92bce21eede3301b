"""One trial's epochs, whoever trains them: what is best, what was answered, how it ended."""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
    finite,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Progress:
    """Takes a trial's epochs one by one and ends as its result.

    weights: returns copies of the model's weights, in its order; called when an epoch is the best
    so far and the spec wants weights. fallback, extra: of the result.
    """

    def __init__(self, spec: TrialSpec, on_epoch: OnEpoch) -> None:
        self.spec = spec
        self.weights: Callable[[], list[Array]] = list
        self.fallback: str | None = None
        self._on_epoch = on_epoch
        self._best = Best(spec.monitor, spec.mode)
        self._kept: list[Array] | None = None
        self._outcome = Outcome.COMPLETE
        self._epochs = 0
        self.extra: dict[str, Any] = {}
        self._fault: BaseException | None = None

    def epoch(self, epoch: int, logs: Logs) -> bool:
        """Take an epoch's logs; return whether training goes on."""
        if self.spec.monitor in logs and not finite(logs, self.spec.monitor):
            self._outcome = Outcome.DIVERGED
            self.extra["diverged_epoch"] = epoch
            return False
        try:
            better = self._best.update(epoch, logs)
            decision = self._on_epoch(self.spec, epoch, logs)
        except BaseException as fault:
            self._fault = fault
            raise
        self._epochs = epoch
        if better and self.spec.weights is not None:
            self._kept = self.weights()
        if decision is not Decision.CONTINUE:
            pruned = decision is Decision.PRUNE
            self._outcome = Outcome.PRUNED if pruned else Outcome.INTERRUPTED
        return decision is Decision.CONTINUE

    def run(self, training: Callable[[], None]) -> TrialResult:
        """Run the whole training, which calls `epoch`; return how it ended.

        What training itself raises is a failed trial. What `on_epoch` raised, and an unknown
        monitor, are the caller's.
        """
        started, error = time.perf_counter(), None
        try:
            training()
            if self._outcome is Outcome.COMPLETE and self._kept is not None:
                save_weights(self.spec.weights, self._kept)
        except Exception as fault:
            if fault is self._fault:
                raise
            self._outcome, error = Outcome.FAILED, traceback.format_exc()
        return TrialResult(
            self.spec,
            self._outcome,
            value=None if self._best.epoch is None else self._best.value,
            best_epoch=self._best.epoch,
            epochs=self._epochs,
            seconds=time.perf_counter() - started,
            error=error,
            fallback=self.fallback,
            extra=self.extra,
        )


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, then move it there: it is whole, or it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        os.chmod(name, 0o644)  # mkstemp's files are the owner's alone
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def save_weights(path: Path | None, weights: list[Array]) -> None:
    """Write weights, in the model's order, as an `.npz` of plain arrays."""
    if path is not None:
        replace(path, lambda file: np.savez(file, *weights))


def load_weights(path: Path | None) -> list[Array]:
    """Read what `save_weights` wrote."""
    if path is None:
        raise ValueError("the trial's spec names no file of weights")
    with np.load(path, allow_pickle=False) as kept:
        return [kept[f"arr_{i}"] for i in range(len(kept.files))]
