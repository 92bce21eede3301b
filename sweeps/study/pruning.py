"""Which trials are stopped early: compared at rungs, at the same epoch, by their best so far.

Successive halving as trials arrive (ASHA): of those that came to a rung so far the best share goes
on, the first of them always; a trial that was complete before it counts with its value. With one
guard: a trial that still sits on its initial plateau is judged by what became of others that sat
there, since it may be about to learn at once. What other rules would have spent and lost on
recorded curves, `benchmarks/pruning_rules.py` shows.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

from objectives import BadInput, Monitor
from objectives.training import Outcome, on_plateau
from sweeps.study.sweep import PRUNERS

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from sweeps.study.sweep import Pruner

SPARED = ("baseline", "tried")  # roles of trials that somebody wants to see to their end
# The role of configs that the search begins with. They are few and unlike, so that none is judged
# by the others, of which a wide net is often ahead at first; they may run out of patience.
PORTFOLIO = "portfolio"
NEVER_PRUNED = (*SPARED, PORTFOLIO)
BLOOMING = 0.25  # share of them that must have left it, for the others to be spared
FEWEST_FLAT = 3  # trials that sat on a plateau and went on, before their fate counts


def keep_share(pruner: Pruner) -> float:
    """Return the share of the trials that passes a rung."""
    return 1.0 / pruner.eta if pruner.kind == "halving" else pruner.percentile / 100.0


def waits(trial: FrozenTrial, rung: int) -> bool:
    """Return whether a trial has hardly gained on its own first epoch by this rung."""
    first, now = trial.intermediate_values.get(1), trial.intermediate_values.get(rung)
    return first is not None and now is not None and on_plateau(first, now)


def best_by(trial: FrozenTrial, rung: int) -> float | None:
    """Return a trial's best value by a rung; one that was complete before has kept its value."""
    result = trial.user_attrs.get("result", {})
    if result.get("outcome") == Outcome.COMPLETE.value and result["epochs"] < rung:
        return trial.value
    return trial.intermediate_values.get(rung)


def hopeless(
    trial: FrozenTrial,
    others: list[FrozenTrial],
    rung: int,
    max_epochs: int,
    keep: float,
    sign: float = 1.0,
) -> bool:
    """Return whether a trial should stop at this rung, given all others of the study.

    `intermediate_values` hold each trial's best value so far at epoch 1 and at the rungs. sign: of
    the monitor.
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
    return not (waits(trial, rung) and _may_bloom(others, rung, max_epochs))


def _may_bloom(others: list[FrozenTrial], rung: int, max_epochs: int) -> bool:
    """Return whether enough trials that were flat at this rung have left their plateau since.

    Too few of them is no evidence: the trial goes on while a third of its epochs is not over.
    """
    sat = [other for other in others if waits(other, rung) and other.last_step != rung]
    if len(sat) < FEWEST_FLAT:
        return rung <= max_epochs / 3
    bloomed = sum(not waits(other, max(other.intermediate_values)) for other in sat)
    return bloomed >= BLOOMING * len(sat)


def make_pruner(
    pruner: Pruner | optuna.pruners.BasePruner, max_epochs: int
) -> optuna.pruners.BasePruner:
    """Return the rule as an Optuna pruner, for any study whose trials report best-so-far.

    One of Optuna's own begins as it was given: what it learns of a study it keeps in itself.

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
            return hopeless(trial, others, step, max_epochs, keep, sign)

    return RungPruner()
