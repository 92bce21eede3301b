"""Which trials are stopped early: compared at rungs, at the same epoch, by their best so far.

Successive halving as trials arrive (ASHA): of those that came to a rung so far the best share goes
on, the first of them always. With one guard: a trial that still sits on its initial plateau is
judged by what became of others that sat there, since it may be about to learn at once. What other
rules would have spent and lost on recorded curves, `benchmarks/pruning_rules.py` shows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from sweeps.study.sweep import Pruner

SPARED = ("baseline", "tried")  # roles of trials that somebody wants to see to their end
FLAT = 0.03  # relative gain over the first epoch, below which a curve is still on its plateau
BLOOMING = 0.25  # share of them that must have left it, for the others to be spared
FEWEST_FLAT = 3  # trials that sat on a plateau and went on, before their fate counts


def keep_share(pruner: Pruner) -> float:
    """Return the share of the trials that passes a rung."""
    return 1.0 / pruner.eta if pruner.kind == "halving" else pruner.percentile / 100.0


def flat(trial: FrozenTrial, rung: int) -> bool:
    """Return whether a trial has hardly gained on its own first epoch by this rung."""
    first, now = trial.intermediate_values.get(1), trial.intermediate_values.get(rung)
    if first is None or now is None:
        return False
    return abs(first - now) < FLAT * abs(first)


def hopeless(
    trial: FrozenTrial,
    others: list[FrozenTrial],
    rung: int,
    max_epochs: int,
    keep: float,
    maximize: bool = False,
) -> bool:
    """Return whether a trial should stop at this rung, given all others of the study.

    `intermediate_values` hold each trial's best value so far at epoch 1 and at the rungs.
    """
    sign = -1.0 if maximize else 1.0
    value = sign * trial.intermediate_values[rung]
    rivals = [
        sign * other.intermediate_values[rung]
        for other in others
        if other.number != trial.number and rung in other.intermediate_values
    ]
    passing = max(1, math.floor(keep * (len(rivals) + 1)))
    if sum(rival < value for rival in rivals) < passing:
        return False
    return not (flat(trial, rung) and _may_bloom(others, rung, max_epochs))


def _may_bloom(others: list[FrozenTrial], rung: int, max_epochs: int) -> bool:
    """Return whether enough trials that were flat at this rung have left their plateau since.

    Too few of them is no evidence: the trial goes on while a third of its epochs is not over.
    """
    sat = [other for other in others if flat(other, rung) and other.last_step != rung]
    if len(sat) < FEWEST_FLAT:
        return rung <= max_epochs / 3
    bloomed = sum(not flat(other, max(other.intermediate_values)) for other in sat)
    return bloomed >= BLOOMING * len(sat)


def make_pruner(pruner: Pruner, max_epochs: int) -> optuna.pruners.BasePruner:
    """Return the rule as an Optuna pruner, for any study whose trials report best-so-far."""
    import optuna

    if pruner.kind == "none":
        return optuna.pruners.NopPruner()
    rungs, keep = set(pruner.rungs(max_epochs)), keep_share(pruner)

    class RungPruner(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
            step = trial.last_step
            if step not in rungs or trial.user_attrs.get("role") in SPARED:
                return False
            others = study.get_trials(deepcopy=False)
            maximize = study.direction == optuna.study.StudyDirection.MAXIMIZE
            return hopeless(trial, others, step, max_epochs, keep, maximize)

    return RungPruner()
