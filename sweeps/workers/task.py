"""One trial in a pool: the epochs that the driver has seen, and what it decided."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from objectives.costs import COSTS
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


class Task:
    """A trial from its spec to its result, on as many workers as that takes.

    A worker does not wait for an answer between rungs, so it may train on while a decision is
    made. Epochs after the decision are dropped.
    """

    def __init__(self, spec: TrialSpec) -> None:
        self.spec = spec
        self.seen = 0  # the last epoch passed to `on_epoch`
        self.deaths = 0  # of its workers
        self.losses = 0  # of its machines
        self._decision = Decision.CONTINUE
        self._raced = False
        self._best = Best(spec.monitor)
        self._epochs = 0

    @property
    def decided(self) -> bool:
        """Whether the trial is pruned or stopped."""
        return self._decision is not Decision.CONTINUE

    def report(self, first: int, epochs: Sequence[Logs], on_epoch: OnEpoch) -> Decision:
        """Pass new epochs to `on_epoch`; return what is decided."""
        for epoch, logs in enumerate(epochs, first):
            if epoch <= self.seen:
                continue
            if self.decided:
                self._raced = True
                break
            if finite(logs, self.spec.monitor):
                self._best.update(epoch, logs)
                self._epochs = epoch
            self.seen = epoch
            self._decision = on_epoch(self.spec, epoch, logs)
        return self._decision

    def ended(self, told: TrialResult) -> TrialResult:
        """Return the result that a trainer in this process would have returned."""
        found = dataclasses.replace(told, spec=self.spec)
        if self._raced:
            costs = {name: told.extra[name] for name in COSTS if name in told.extra}
            found = self.result(self._ordered, told.seconds)
            found = dataclasses.replace(found, extra=costs)
        elif self.decided and told.outcome in (Outcome.COMPLETE, Outcome.INTERRUPTED):
            found = dataclasses.replace(found, outcome=self._ordered)
        if told.outcome is Outcome.COMPLETE is not found.outcome and self.spec.weights is not None:
            self.spec.weights.unlink(missing_ok=True)
        return found

    def stopped(self) -> TrialResult:
        """Return the result of a stopped trial that no worker is training."""
        return self.result(self._ordered)

    def result(
        self, outcome: Outcome, seconds: float = 0.0, error: str | None = None
    ) -> TrialResult:
        """Return the result of the epochs that `on_epoch` was given."""
        best = self._best
        return TrialResult(
            self.spec, outcome, best.value, best.epoch, self._epochs, seconds, error
        )

    @property
    def _ordered(self) -> Outcome:
        return Outcome.PRUNED if self._decision is Decision.PRUNE else Outcome.INTERRUPTED
