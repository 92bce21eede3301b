"""One call of `Pool.train`: which worker trains which trial, and how each trial ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from objectives import BadInput
from objectives.training import (
    Decision,
    Logs,
    OnEpoch,
    Outcome,
    TrialResult,
    TrialSpec,
    UnknownMonitor,
)
from sweeps.workers.crews import AnyCrew, Message
from sweeps.workers.task import Task

ATTEMPTS = 3  # workers that may die during a trial before it counts as failed
MACHINES = 10  # machines that may be lost during a trial: it may be what takes their memory


class Run:
    """Hands out specs to idle workers, and turns their messages into answers and results."""

    def __init__(self, crew: AnyCrew, specs: Iterator[TrialSpec], on_epoch: OnEpoch) -> None:
        self.at: dict[Any, Task] = {}
        self._crew = crew
        self._specs = iter(specs)
        self._on_epoch = on_epoch
        self._again: deque[Task] = deque()  # tasks whose worker died, or its machine
        self._exhausted = False
        self._stopped = False

    @property
    def over(self) -> bool:
        """Whether nothing is left to take or to wait for."""
        return self._exhausted and not self.at and not self._again

    def hand_out(self) -> bool:
        """Give an idle worker a trial; return whether another may be given at once."""
        if not self._crew.idle or (task := self._next()) is None:
            return False
        worker = self._crew.choose(task.spec.config)
        self.at[worker] = task
        self._crew.assign(worker, "train", task.spec, task.seen)
        return bool(self._crew.idle)

    def _next(self) -> Task | None:
        if self._again:
            return self._again.popleft()
        spec = None if self._exhausted else next(self._specs, None)
        self._exhausted = spec is None
        return None if spec is None else Task(spec)

    def take(self, worker: Any, message: Message) -> list[TrialResult]:
        """Handle a worker's message; return the results of trials that it ends."""
        name, *told = message
        if name == "idle":
            return []
        if name == "epochs":
            return self._report(worker, *told)
        task = self.at.pop(worker, None)
        if name in ("died", "lost"):
            return [] if task is None else self._again_or_ended(task, name == "died", *told)
        self._crew.release(worker)
        if task is None:  # of an abandoned run
            return []
        if name == "refused":
            raise refusal(*told)
        return [self._ended(worker, task, *told)]

    def abandon(self) -> None:
        """Stop all trials. The workers become idle after their epoch; results are ignored."""
        if not self._crew.closed:
            for worker, task in self.at.items():
                self._crew.answer(worker, task.seen, Decision.STOP)
        self.at.clear()

    def _report(
        self, worker: Any, first: int, epochs: Sequence[Logs], waits: bool = True
    ) -> list[TrialResult]:
        task = self.at.get(worker)
        if task is None:
            return []
        answer = task.report(first, epochs, self._on_epoch)
        if waits or answer is not Decision.CONTINUE:
            self._crew.answer(worker, task.seen, answer)
        return self._stop() if answer is Decision.STOP else []

    def _stop(self) -> list[TrialResult]:
        if not self._stopped:
            self._exhausted = self._stopped = True
            for worker, task in self.at.items():
                self._crew.answer(worker, task.seen, Decision.STOP)
        waiting, self._again = self._again, deque()
        return [task.stopped() for task in waiting]

    def _again_or_ended(self, task: Task, died: bool, reason: str) -> list[TrialResult]:
        """Train a task again whose worker died, or whose machine was lost, or end it."""
        task.deaths += died
        task.losses += not died
        if task.decided or self._stopped:
            return [task.stopped()]
        if task.deaths < ATTEMPTS and task.losses < MACHINES:
            self._again.append(task)
            return []
        what = f"worker died {task.deaths}" if died else f"machine was lost {task.losses}"
        error = f"its {what} times; the last time, {reason}"
        return [task.result(Outcome.FAILED, error=error)]

    def _ended(
        self, worker: Any, task: Task, told: TrialResult | str, resident: float
    ) -> TrialResult:
        if isinstance(told, str):
            told = task.result(Outcome.FAILED, error=told)
        structure = told.extra.get("structure")
        self._crew.learn(worker, task.spec.config, structure, resident)
        return task.ended(told)


def refusal(kind: str, text: str) -> Exception:
    """Return the exception that a worker described, as BadInput if the user can mend it."""
    known: dict[str, Any] = {k.__name__: k for k in (BadInput, UnknownMonitor)}
    error: Exception = known.get(kind, RuntimeError)(text)
    return error
