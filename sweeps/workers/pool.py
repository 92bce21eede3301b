"""A pool of worker processes with the interface of a trainer.

Only the driver takes specs, calls `on_epoch` and yields results, in the order in which they
arrive. With one worker, that is the order of a trainer in this process. A worker waits for a
decision at rungs only. A decision made between rungs takes effect at the worker's next epoch, and
epochs that it trained in the meantime are dropped.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from objectives import BadInput
from objectives.training import Logs, OnEpoch, TrialResult, TrialSpec
from objectives.training.averages import MOST, Weighted
from sweeps.workers.crew import Crew
from sweeps.workers.crews import MakeCrew
from sweeps.workers.orders import GROWTH, Orders
from sweeps.workers.reference import Reference, loading
from sweeps.workers.run import ATTEMPTS, Run, refusal


class Pool:
    """N worker processes, which start at once; `data` tells them what to train on.

    Runs on Linux and macOS. Besides what a trainer in this process raises, `train` and `evaluate`
    raise RuntimeError if no worker can start.

    Args:
        reference: Where workers import the sweep from.
        workers: How many there are, at least 1.
        trainer: "auto", "fit", or a factory `(objective, data) -> Trainer` as
            "package.module:name" or "path.py:name".
        device: "cpu", or "gpu" for one worker per GPU.
        threads: Of each worker.
        log: File that receives the workers' output.
        growth: MB that every two workers may grow by after their first 20 trials. Then the
            largest worker is replaced by a successor, which is started in advance.
        per_gpu: Workers that share a GPU, with "gpu".
        crew: What starts the workers: on this machine, or a `Fleet` on many.

    Raises:
        BadInput: `workers` is below 1, or the sweep's script starts a pool when it is imported.
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
        per_gpu: int = 1,
        crew: MakeCrew = Crew,
    ) -> None:
        if loading():
            raise BadInput(
                f"{reference} would start workers whenever it is imported: "
                'put that under `if __name__ == "__main__":`'
            )
        if workers < 1:
            raise BadInput(f"{workers} workers cannot train anything: give at least 1")
        self._log = log
        self._ready = False
        self._run: Run | None = None
        orders = Orders(reference, trainer, device, threads, log, growth, per_gpu)
        self._crew = crew(orders, workers)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def places(self) -> int:
        """How many trials are trained at once."""
        return self._crew.places

    def data(self, folder: Path) -> None:
        """Tell the workers which folder `Data.save` wrote the arrays to."""
        self._ready = True
        self._crew.data(folder.resolve())

    def train(
        self, specs: Iterator[TrialSpec], on_epoch: OnEpoch
    ) -> Generator[TrialResult, None, None]:
        """Yield a result for every spec taken; no spec is taken after a STOP."""
        self._check()
        run = self._run = Run(self._crew, specs, on_epoch)
        try:
            more = run.hand_out()
            while not run.over:
                # One proposal at a time: what workers report meanwhile shall not wait for many.
                for worker, message in self._crew.heard(wait=not more):
                    yield from run.take(worker, message)
                more = run.hand_out()
        except KeyboardInterrupt:
            self.close()  # a message may have been cut in two
            raise
        finally:
            run.abandon()

    def evaluate(self, spec: TrialSpec, model: Path | None = None) -> Logs:
        """Return the scores on the test set with the kept weights, from an idle worker."""
        scores: Logs = self._asked(spec, "evaluate", spec, model)
        return scores

    def average(
        self,
        nets: Sequence[TrialResult],
        folder: Path,
        *,
        most: int = MOST,
        weights: Mapping[int, float] | None = None,
        model: Path | None = None,
    ) -> dict[str, Any]:
        """Average trained nets in an idle worker, as `Averages` says."""
        given = {"most": most, "weights": weights, "model": model}
        found: dict[str, Any] = self._asked(nets[0].spec, "average", nets, folder, given)
        return found

    def together(
        self,
        nets: Sequence[Weighted],
        said: Path,
        *,
        beside: Path | None = None,
        model: Path | None = None,
    ) -> dict[str, Any]:
        """Judge what nets predict together in an idle worker, as `Refits` says."""
        given = {"beside": beside, "model": model}
        found: dict[str, Any] = self._asked(nets[0][0], "together", nets, said, given)
        return found

    def _asked(self, spec: TrialSpec, job: str, *arguments: Any) -> Any:
        """Return an idle worker's answer."""
        self._check()
        reason = ""
        for _ in range(ATTEMPTS):
            worker = self._wait_for_idle(spec.config)
            self._crew.assign(worker, job, *arguments)
            try:
                name, *told = self._crew.hear(worker)
            except KeyboardInterrupt:
                self.close()  # a message may have been cut in two
                raise
            if name in ("died", "lost"):
                (reason,) = told
                continue
            self._crew.release(worker)
            if name == "refused":
                raise refusal(*told)
            return told[0]
        raise RuntimeError(f"trial {spec.number} cannot be scored, {reason} (see {self._log})")

    def close(self) -> None:
        """End every process at once. Safe to call again."""
        self._crew.close()

    def _check(self) -> None:
        if self._crew.closed:
            raise RuntimeError("the pool is closed")
        if not self._ready:
            raise RuntimeError("the pool has no data: call Pool.data first")

    def _wait_for_idle(self, config: Any) -> Any:
        while not self._crew.idle:
            if self._run is not None and self._run.at:
                raise RuntimeError("every worker is training: evaluate after a result has arrived")
            for worker, (name, *_) in self._crew.heard():
                if name in ("result", "refused"):  # of an abandoned run
                    self._crew.release(worker)
        return self._crew.choose(config)
