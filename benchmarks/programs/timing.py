"""What an epoch costs by the default trainer, in `fit`'s."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any

from benchmarks.programs import Entry, Impossible, Program
from benchmarks.programs.judging import specs, trained
from objectives import Source
from objectives.training import Decision, Logs, TrialSpec, here

SLOWEST = 1.05  # times `fit`
ROUNDS, TIMED, SECONDS = 3, 6, 10.0  # trials, epochs of one, and seconds of one at most


def seconds(trainer: Any, program: Program, spec: TrialSpec) -> float:
    """Return the median time of a trial's epochs after its first, and its way."""
    took: list[float] = []

    def on_epoch(_: TrialSpec, __: int, logs: Logs) -> Decision:
        took.append(logs["epoch_seconds"])
        enough = len(took) > 1 and sum(took) > SECONDS
        return Decision.PRUNE if enough else Decision.CONTINUE

    (result,) = trainer.train(iter([spec]), on_epoch)
    if result.error or len(took) < 2:
        raise RuntimeError((result.error or "too few epochs").strip().splitlines()[-1])
    return statistics.median(took[1:])


def timed(entry: Entry) -> float | None:
    """Return the default trainer's epoch in `fit`'s, in pairs after a first trial of each."""
    program = entry.program
    if isinstance(program, Impossible):
        return None
    data = program.objective.data(Source())
    both = [here(program.objective, data, kind) for kind in ("fit", "auto")]
    spec = dataclasses.replace(specs(program, (0,))[0], max_epochs=TIMED)
    (first,) = trained(both[1], program, [dataclasses.replace(spec, max_epochs=1)])
    if first.result.fallback or first.way == "fit":
        return 1.0
    ratios: list[float] = []
    for _ in range(2):  # a second time where the first says that it is slow
        for _round in range(ROUNDS):
            fit, auto = (seconds(trainer, program, spec) for trainer in both)
            ratios.append(auto / fit)
        if statistics.median(ratios) <= SLOWEST:
            break
    return statistics.median(ratios)
