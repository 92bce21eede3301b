"""One trial's epochs, whoever trains them: what is best, what was answered, how it ended."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from objectives import BadInput
from objectives.costs import words
from objectives.training import (
    Best,
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
    finite,
    on_plateau,
)
from objectives.training.checkpoint import (
    Checkpoint,
    Opaque,
    Unusable,
    identity,
    read,
    set_aside,
    write,
)
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOG = logging.getLogger("sweeps")


class Live(Protocol):
    """What a checkpoint keeps of a running trial, besides its epochs."""

    @property
    def over(self) -> bool:
        """Whether training has ended by itself, so that there is nothing to go on from."""
        ...

    def variables(self) -> tuple[list[Array], list[Array]]:
        """Return copies of the model's variables and of its optimizer's."""
        ...

    def attributes(self) -> list[dict[str, Any]]:
        """Return the callbacks' plain attributes. Raises Opaque."""
        ...

    def restore(self, kept: Checkpoint) -> None:
        """Take all that back before the next epoch begins."""
        ...


class Progress:
    """Takes a trial's epochs one by one and ends as its result.

    weights: returns copies of the model's weights, in its order; called when an epoch is the best
    so far and the spec wants weights. fallback, extra: of the result.
    """

    def __init__(
        self, spec: TrialSpec, on_epoch: OnEpoch, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.spec = spec
        self.weights: Callable[[], list[Array]] = list
        self.fallback: str | None = None
        self.extra: dict[str, Any] = {}
        self.notes: list[str] = self.extra.setdefault("notes", [])
        self._on_epoch = on_epoch
        self._clock = clock
        self._best = Best(spec.monitor)
        self._kept: list[Array] | None = None
        self._outcome = Outcome.COMPLETE
        self._curve: list[Logs] = []
        self._fault: BaseException | None = None
        self._live: Live | None = None
        self._path: Path | None = None
        self._identity = ""
        self._started = self._saved = clock()

    def begin(self, live: Live, kind: str, *made_of: object) -> int:
        """Go on from the spec's checkpoint, if there is one; return the epochs that it spares.

        They are reported again. kind: of the trainer. made_of: plain values that tell this trial
        from any other.
        """
        if self.spec.checkpoint is None:
            return 0
        self._live, self._identity = live, identity(*made_of)
        self._path = self.spec.checkpoint.with_name(f"{self.spec.checkpoint.name}.{kind}.npz")
        try:
            kept = read(self._path, self._identity)
        except Unusable as why:
            aside = set_aside(self._path)
            self._say(f"its checkpoint is {why}: set aside as {aside}, started again")
            return 0
        if kept is None or kept.epoch > self.spec.max_epochs:
            return 0
        self.extra["resumed_epoch"] = kept.epoch
        for epoch, logs in enumerate(kept.curve, 1):
            # It went on after these epochs, so only a stop is obeyed.
            if self._report(epoch, logs) is Decision.STOP:
                self._outcome = Outcome.INTERRUPTED
                raise Halted
        self._kept = kept.best
        self._started -= kept.seconds
        live.restore(kept)
        return kept.epoch

    def number(self, name: str, value: Any) -> float:
        """Return a metric's value, or the mean of its values where it has several."""
        if np.ndim(value) == 0:
            return float(value)
        self.note(
            f"{name.removeprefix('val_')} has {np.size(value)} values: its curve is their mean"
        )
        return float(np.mean(value))

    def note(self, line: str) -> None:
        """Say a line, and keep it with the result."""
        if line not in self.notes:
            self.notes.append(line)
            LOG.warning(line)

    def admit(self, measure: Callable[[Iterable[str]], Mapping[str, int]]) -> None:
        """Measure what the built model costs, where the spec limits it.

        Raises:
            BadInput: Where a cost cannot be told.
            Halted: Where the model is beyond a limit.
        """
        try:
            costs = measure(self.spec.limits) if self.spec.limits else {}
        except BadInput as fault:
            self._fault = fault  # no other trial could be measured either
            raise
        self.extra |= costs
        if over := words(costs, self.spec.limits):
            self._outcome = Outcome.INFEASIBLE
            self.extra["over"] = over
            raise Halted

    def epoch(self, epoch: int, logs: Logs) -> bool:
        """Take an epoch's logs; return whether training goes on."""
        if self.spec.monitor.name in logs and not finite(logs, self.spec.monitor):
            self._outcome = Outcome.DIVERGED
            self.extra["diverged_epoch"] = epoch
            return False
        decision = self._report(epoch, logs)
        if decision is Decision.PRUNE:
            self._outcome = Outcome.PRUNED
            return False
        if self._best.epoch == epoch and self.spec.weights is not None:
            self._kept = self.weights()
        if decision is Decision.STOP:
            self._outcome = Outcome.INTERRUPTED
        elif self._exhausted(epoch, logs):
            return False
        if self._clock() - self._saved >= self.spec.checkpoint_every:
            self._save()
        return decision is Decision.CONTINUE

    def run(self, training: Callable[[], None]) -> TrialResult:
        """Run the whole training, which calls `epoch`; return how it ended.

        What training itself raises is a failed trial. What `on_epoch` raised, an unknown monitor
        and other bad input are the caller's.
        """
        error = None
        try:
            training()
            if self._outcome is Outcome.COMPLETE and self._kept is not None:
                self._keep_weights(self._kept)
        except Halted:
            pass
        except Exception as fault:
            if fault is self._fault or isinstance(fault, BadInput):
                raise
            self._outcome, error = Outcome.FAILED, traceback.format_exc()
        return TrialResult(
            self.spec,
            self._outcome,
            value=None if self._best.epoch is None else self._best.value,
            best_epoch=self._best.epoch,
            epochs=len(self._curve),
            seconds=self._clock() - self._started,
            error=error,
            fallback=self.fallback,
            extra=self.extra,
        )

    def _exhausted(self, epoch: int, logs: Logs) -> bool:
        """Return whether the trial's patience is over, and its plateau left behind."""
        patience, monitor = self.spec.patience, self.spec.monitor.name
        if not patience or epoch - (self._best.epoch or 0) < patience:
            return False
        first, now = self._curve[0], logs | {monitor: self._best.value}
        # An overfitting net's losses part: its training loss tells that it has begun to learn.
        return not all(on_plateau(first[n], now[n]) for n in ("loss", monitor) if n in first)

    def _report(self, epoch: int, logs: Logs) -> Decision:
        try:
            self._best.update(epoch, logs)
            decision = self._on_epoch(self.spec, epoch, logs)
        except BaseException as fault:
            self._fault = fault
            raise
        self._curve.append(dict(logs))
        return decision

    def _save(self) -> None:
        if self._path is None or self._live is None or self._live.over:
            return
        self._saved = self._clock()
        try:
            variables, optimizer = self._live.variables()
            write(
                self._path,
                self._identity,
                Checkpoint(
                    epoch=len(self._curve),
                    seconds=self._saved - self._started,
                    curve=self._curve,
                    best=self._kept,
                    variables=variables,
                    optimizer=optimizer,
                    callbacks=self._live.attributes(),
                ),
            )
        except (OSError, Opaque) as why:
            # It trains on; a full disk may have room again at the next time.
            self._say(f"no checkpoint is kept at epoch {len(self._curve)}: {why}")

    def _keep_weights(self, weights: list[Array]) -> None:
        try:
            save_weights(self.spec.weights, weights)
        except OSError as why:  # the curve is whole: who needs the weights trains them again
            self._say(f"its weights are not kept: {why}")

    def _say(self, line: str) -> None:
        LOG.warning("trial %d: %s", self.spec.number, line)
        self.extra["checkpoint"] = line


class Halted(Exception):
    """The trial ended while its kept epochs were reported, or before it trained."""


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
