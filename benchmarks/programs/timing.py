"""What an epoch costs by the default trainer, in `fit`'s."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any

from benchmarks.programs import Entry, Function, Program
from benchmarks.programs.judging import specs
from objectives import Data, Part, Source
from objectives.structures import taken
from objectives.training import Decision, Logs, TrialSpec, here

SLOWEST = 1.05  # times `fit`
ROUNDS, TIMED, SECONDS = 3, 6, 10.0  # trials, epochs of one, and seconds of one at most
EPOCHS = 60  # that a trial might have: the default trainer chooses a way by them
ROWS = 2000  # at least, to train on: the small data is repeated


def enlarged(data: Data) -> Data:
    """Return data of which so many rows are trained on that an epoch's time can be measured."""
    import numpy as np

    part = data.train
    rows = np.resize(np.arange(len(part)), max(ROWS, len(part)))
    given = (part.x, part.y, part.sample_weight)
    x, y, weight = (None if one is None else taken(one, rows) for one in given)
    return dataclasses.replace(data, train=Part(x, y, weight), digest="")


def seconds(trainer: Any, program: Program, spec: TrialSpec) -> tuple[float, str]:
    """Return the median time of a trial's epochs after its first, and its way."""
    took: list[float] = []

    def on_epoch(_: TrialSpec, __: int, logs: Logs) -> Decision:
        took.append(logs["epoch_seconds"])
        enough = len(took) == TIMED or (len(took) > 1 and sum(took) > SECONDS)
        return Decision.PRUNE if enough else Decision.CONTINUE

    (result,) = trainer.train(iter([spec]), on_epoch)
    if result.error or len(took) < 2:
        raise RuntimeError((result.error or "too few epochs").strip().splitlines()[-1])
    return statistics.median(took[1:]), str(result.extra["way"])


def timed(entry: Entry) -> tuple[float, str] | None:
    """Return the default trainer's epoch in `fit`'s, and its way, after a first trial."""
    program = entry.program
    if isinstance(program, Function):
        return None
    data = enlarged(program.objective.data(Source()))
    both = [here(program.objective, data, kind) for kind in ("fit", "auto")]
    spec = dataclasses.replace(specs(program, (0,))[0], max_epochs=EPOCHS)
    way = seconds(both[1], program, spec)[1]
    if way == "fit":
        return 1.0, "fit"
    ratios: list[float] = []
    for _ in range(2):  # a second time where the first says that it is slow
        for _round in range(ROUNDS):
            fit, auto = (seconds(trainer, program, spec)[0] for trainer in both)
            ratios.append(auto / fit)
        if statistics.median(ratios) <= SLOWEST:
            break
    return statistics.median(ratios), way
