"""A pool of worker processes behind the contract of a trainer.

The driver alone takes specs, calls `on_epoch` and sees results, in the order in which they
arrive; with one worker that is exactly the order of a trainer in this process. Workers run ahead
between rungs and wait at rungs only. A decision that falls elsewhere is obeyed at the worker's
next epoch, and what it trained meanwhile is dropped.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from objectives import BadInput
from objectives.training import Logs, OnEpoch, TrialResult, TrialSpec
from sweeps.workers.crew import GROWTH, Crew, Orders, Worker
from sweeps.workers.reference import Reference, loading
from sweeps.workers.run import ATTEMPTS, Run, refusal


class Pool:
    """N worker processes, started at once; `data` tells them what to train on.

    reference: where workers import the sweep. trainer: "auto", "fit", or a factory
    `(objective, data) -> Trainer` as "package.module:name" or "path.py:name". device: "cpu", or
    "gpu" with one worker a GPU. threads: of one worker. log: where their output goes. growth: MB
    that every two workers may gain after their first 20 trials; then a successor, started in
    advance, takes the place of the largest.

    Besides what a trainer in this process raises, `train` and `evaluate` raise RuntimeError where
    no worker can start. Linux and macOS.
    """

    def __init__(
        self,
        reference: Reference,
        workers: int,
        *,
        trainer: str = "auto",
        device: str = "cpu",
        threads: int = 1,
        log: Path = Path("sweep.log"),
        growth: float = GROWTH,
    ) -> None:
        if loading():
            raise BadInput(
                f"{reference} would start workers whenever it is imported: "
                'put that under `if __name__ == "__main__":`'
            )
        if workers < 1:
            raise BadInput(f"{workers} workers cannot train anything: give at least 1")
        self._log = log
        self.places = workers
        self._ready = False
        self._run: Run | None = None
        self._crew = Crew(Orders(reference, trainer, device, threads, log, growth), workers)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def data(self, folder: Path) -> None:
        """Tell the workers where the arrays are that `Data.save` wrote."""
        self._ready = True
        self._crew.data(folder.resolve())

    def train(
        self, specs: Iterator[TrialSpec], on_epoch: OnEpoch
    ) -> Generator[TrialResult, None, None]:
        """Yield a result for every spec taken; none is taken after a STOP."""
        self._check()
        run = self._run = Run(self._crew, specs, on_epoch)
        try:
            run.hand_out()
            while not run.over:
                for result in run.take(*self._crew.event()):
                    yield result
                    run.hand_out()
                run.hand_out()
        except KeyboardInterrupt:
            self.close()  # it may have cut a message in two
            raise
        finally:
            run.abandon()

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return the test part's scores under the kept weights, from a worker that is idle."""
        self._check()
        reason = ""
        for _ in range(ATTEMPTS):
            worker = self._wait_for_idle(spec.config)
            self._crew.assign(worker, "evaluate", spec, model)
            try:
                ((name, *told),) = worker.channel.receive()
            except EOFError:
                reason = self._crew.bury(worker)
                continue
            except KeyboardInterrupt:
                self.close()  # it may have cut a message in two
                raise
            self._crew.release(worker)
            if name == "refused":
                raise refusal(*told)
            scores: Logs = told[0]
            return scores
        raise RuntimeError(f"trial {spec.number} cannot be scored, {reason} (see {self._log})")

    def close(self) -> None:
        """End every process at once. Safe to call again."""
        self._crew.close()

    def _check(self) -> None:
        if self._crew.closed:
            raise RuntimeError("the pool is closed")
        if not self._ready:
            raise RuntimeError("the pool was not told its data")

    def _wait_for_idle(self, config: Any) -> Worker:
        while not self._crew.idle:
            if self._run is not None and self._run.at:
                raise RuntimeError("every worker is training: score when a result is there")
            worker, (name, *_) = self._crew.event()
            if name in ("result", "refused"):  # of a run that was abandoned
                self._crew.release(worker)
        return self._crew.choose(config)
