"""Which trials are stopped early: compared at rungs, at the same epoch, by their best so far.

This is asynchronous successive halving (ASHA): of the trials that have reached a rung, the best
share continues, the first trial always. A trial that was complete before the rung counts with its
value. There is one exception: a trial that is still on its initial plateau is judged by what
became of others that were on theirs, since it may be about to learn. `benchmarks/pruning_rules.py`
shows what other rules would have spent and lost on recorded curves.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection
from typing import TYPE_CHECKING

from objectives import BadInput, Monitor
from objectives.training import Outcome, on_plateau
from sweeps.study.shown import last_judged
from sweeps.study.sweep import PRUNERS

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from sweeps.study.sweep import Pruner

TO_LAST_EPOCH = ("baseline", "tried")  # roles of trials that train to their last epoch
# The role of configs that the search begins with. They are few and unlike the others, which a wide
# net often leads at first, so they are not compared with them; they may run out of patience.
PORTFOLIO = "portfolio"
NEVER_PRUNED = (*TO_LAST_EPOCH, PORTFOLIO)
SHARE_THAT_LEFT = 0.25  # of the trials on a plateau: if fewer left it, the others are pruned
FEWEST_FLAT = 3  # trials that continued from a plateau: fewer are no evidence


def keep_share(pruner: Pruner) -> float:
    """Return the share of trials that continues at a rung."""
    return 1.0 / pruner.eta if pruner.kind == "halving" else pruner.percentile / 100.0


def on_first_plateau(trial: FrozenTrial, rung: int) -> bool:
    """Return whether a trial has hardly improved on its first epoch by this rung."""
    first, now = trial.intermediate_values.get(1), trial.intermediate_values.get(rung)
    return first is not None and now is not None and on_plateau(first, now)


def best_by(trial: FrozenTrial, rung: int) -> float | None:
    """Return a trial's best value by a rung, or its final one if it was complete before."""
    result = trial.user_attrs.get("result", {})
    if result.get("outcome") == Outcome.COMPLETE.value and result["epochs"] < rung:
        return trial.value
    return trial.intermediate_values.get(rung)


def should_stop(
    trial: FrozenTrial,
    others: list[FrozenTrial],
    rung: int,
    max_epochs: int,
    keep: float,
    sign: float = 1.0,
    rungs: Collection[int] | None = None,
) -> bool:
    """Return whether a trial should stop at this rung, given the study's other trials.

    Args:
        trial: Its `intermediate_values` hold its best value so far, at epoch 1 and at the rungs.
        others: Trials of the same study, which may include `trial` itself.
        rung: The epoch.
        max_epochs: Of a trial.
        keep: Share of the trials that continues.
        sign: Of the monitor: 1 where lower is better, -1 where higher is.
        rungs: Of the rule; reports in between do not count. None where there are none.
    """
    value = sign * trial.intermediate_values[rung]
    rivals = [
        sign * found
        for other in others
        if other.number != trial.number and (found := best_by(other, rung)) is not None
    ]
    passing = max(1, math.floor(keep * (len(rivals) + 1)))
    if sum(rival < value for rival in rivals) < passing:
        return False
    return not (
        on_first_plateau(trial, rung) and _may_still_learn(others, rung, max_epochs, rungs)
    )


def _may_still_learn(
    others: list[FrozenTrial], rung: int, max_epochs: int, rungs: Collection[int] | None
) -> bool:
    """Return whether enough trials that were on a plateau at this rung have left it since.

    Too few of them are no evidence: the trial then continues for a third of its epochs.
    """
    flat = [
        (other, last_judged(other, rungs)) for other in others if on_first_plateau(other, rung)
    ]
    sat = [(other, last) for other, last in flat if last is not None and last != rung]
    if len(sat) < FEWEST_FLAT:
        return rung <= max_epochs / 3
    left = sum(not on_first_plateau(other, last) for other, last in sat)
    return left >= SHARE_THAT_LEFT * len(sat)


def make_pruner(
    pruner: Pruner | optuna.pruners.BasePruner, max_epochs: int
) -> optuna.pruners.BasePruner:
    """Return the rule as an Optuna pruner, for a study whose trials report their best so far.

    One of Optuna's own pruners is copied, since it keeps what it learns about a study.

    Raises:
        BadInput: For an unknown name.
    """
    import optuna

    if isinstance(pruner, optuna.pruners.BasePruner):
        return copy.deepcopy(pruner)
    if pruner.kind not in PRUNERS:
        raise BadInput(
            f"no pruner {pruner.kind!r}; there are: {', '.join(PRUNERS)}. One of Optuna's has to "
            "be given again"
        )
    if pruner.kind == "none":
        return optuna.pruners.NopPruner()
    rungs, keep = set(pruner.rungs(max_epochs)), keep_share(pruner)

    class RungPruner(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
            step = trial.last_step
            if step not in rungs or trial.user_attrs.get("role") in NEVER_PRUNED:
                return False
            others = study.get_trials(deepcopy=False)
            sign = Monitor.directed("value", study.direction.name).sign
            return should_stop(trial, others, step, max_epochs, keep, sign, rungs)

    return RungPruner()
