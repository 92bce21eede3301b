"""What trained nets predict of the test part together, and beside others: for a refitted net."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.judging import threshold
from objectives.structures import mapped
from objectives.training.averaged_model import whole_model
from objectives.training.averaging import at_once, spread
from objectives.training.batches import arrays
from objectives.training.epochs import fed
from objectives.training.fit import FitTrainer, export, of_test
from objectives.training.judged import Judge, Meaningless, common, penalty_of
from objectives.training.one_model import joined, packing_of
from objectives.training.whole_files import replace

if TYPE_CHECKING:
    from objectives.training.averages import Weighted


def together(
    trainer: FitTrainer,
    nets: Sequence[Weighted],
    said: Path,
    beside: Path | None,
    model: Path | None,
) -> dict[str, Any]:
    """Do what `Refits.together` says."""
    try:
        return _together(trainer, nets, said, beside, model)
    except Meaningless as why:
        return {"reason": str(why)}


def _together(
    trainer: FitTrainer,
    nets: Sequence[Weighted],
    said: Path,
    beside: Path | None,
    model: Path | None,
) -> dict[str, Any]:
    first = nets[0][0]
    x, y, *weight = arrays(trainer.data.test)
    batch = trainer.objective.batch(first.config)
    packing = packing_of(trainer.build(first), x)
    few = at_once(x, batch)
    total: Any = 0.0
    penalty = 0.0
    for spec, share in sorted(nets, key=lambda each: each[0].number):  # no digit hangs on order
        net = trainer.kept(spec)
        total = total + share * packing.pack(net.predict(mapped(fed, x), few, verbose=0))
        penalty += share * penalty_of(net)
    mine = np.asarray(total, np.float32)
    replace(said, lambda to: np.savez(to, said=mine, penalty=np.array(penalty)))
    judge = Judge(trainer.build(first), batch, packing)
    judge.on(mine)
    judge.scale(mine, y, weight)
    scores = judge.scores(mine, y, weight, penalty)
    found: dict[str, Any] = {"loss": scores["loss"]}
    if beside is not None:
        with np.load(beside, allow_pickle=False) as kept:
            theirs, other = kept["said"], float(kept["penalty"])
        each = judge.row_loss(y, weight)(np.stack([theirs, mine]), np.arange(len(mine)))
        gaps = each[0] - each[1] + (other - penalty)
        of_rows = common(weight)
        found["gap"] = spread(gaps, np.ones(len(mine)) if of_rows is None else of_rows)
        found["loss_beside"] = judge.scores(theirs, y, weight, other)["loss"]
    if model is not None:
        found["scores"] = _scores(trainer, scores, y, packing.unpack(mine))
        members = [(whole_model(trainer, spec), share) for spec, share in nets]
        cut = found["scores"].get(threshold.KEY)
        export(joined(members, x, packing), trainer.data, model, cut)
    return found


def _scores(trainer: FitTrainer, judged: dict[str, float], y: Any, said: Any) -> dict[str, float]:
    """Return the test part's scores, named as those of a trial."""
    scores, objective = dict(judged), trainer.objective
    if objective.scores is not None:
        scores |= objective.scores(y, said)
        goal, fixed = threshold.wanted(trainer.data), trainer.data.details.get(threshold.FIXED)
        if goal is not None and fixed is not None:
            scores |= threshold.decided(goal, (y, said), (y, said), fixed)
    return of_test(scores)
