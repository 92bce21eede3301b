"""Which trials are stopped early: compared at rungs, at the same epoch, by their best so far.

Successive halving as trials arrive. A rung keeps its share of all trials so far: half of them at
the first, a quarter at the second. ASHA asks for half of those that came so far instead; where a
sampler learns, late trials are better than early ones and most of them pass that to the end. On
recorded curves the share of all trials spends a third fewer epochs, and finds as good a trial for
the same number of them.

Two guards, that recorded curves ask for too. The first trials are not judged, since one early
leader would prune everybody else. And a trial that still sits on its initial plateau is judged by
what became of others that sat there: it may be about to learn at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from sweeps.study.sweep import Pruner

FEWEST = 4  # trials seen before anybody is judged
FLAT = 0.03  # relative gain over the first epoch, below which a curve is still on its plateau
BLOOMING = 0.25  # share of them that must have left it, for the others to be spared
FEWEST_FLAT = 3  # trials that sat on a plateau and went on, before their fate counts


def shares(pruner: Pruner, max_epochs: int) -> dict[int, float]:
    """Return the share of all trials that passes each rung."""
    keep = 1.0 / pruner.eta if pruner.kind == "halving" else pruner.percentile / 100.0
    return {rung: keep**n for n, rung in enumerate(pruner.rungs(max_epochs), 1)}


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
    share: float,
    maximize: bool = False,
) -> bool:
    """Return whether a trial should stop at this rung, given all others of the study.

    share: of all trials, that passes. `intermediate_values` hold each trial's best value so far
    at epoch 1, at the rungs and at its end.
    """
    sign = -1.0 if maximize else 1.0
    value = sign * trial.intermediate_values[rung]
    rivals = [
        sign * level
        for other in others
        if other.number != trial.number and (level := _level(other, rung, sign)) is not None
    ]
    if len(rivals) + 1 < FEWEST:
        return False
    passing = math.ceil(share * (len(rivals) + 1))
    if sum(rival < value for rival in rivals) < passing:
        return False
    return not (flat(trial, rung) and _may_bloom(others, rung, max_epochs))


def _level(other: FrozenTrial, rung: int, sign: float) -> float | None:
    """Return another trial's value at a rung: the worst if it was stopped before; None if unknown.

    What ended by itself before the rung keeps what it had.
    """
    if rung in other.intermediate_values:
        return other.intermediate_values[rung]
    if other.last_step is None or other.last_step > rung:
        return None
    if other.state.name == "PRUNED":
        return sign * math.inf
    return other.value if other.state.name == "COMPLETE" else None


def _may_bloom(others: list[FrozenTrial], rung: int, max_epochs: int) -> bool:
    """Return whether enough trials that were flat at this rung have left their plateau since.

    Too few of them is no evidence: the trial goes on, but not beyond half of its epochs.
    """
    sat = [other for other in others if flat(other, rung) and other.last_step != rung]
    if len(sat) < FEWEST_FLAT:
        return rung <= max_epochs / 2
    bloomed = sum(not flat(other, max(other.intermediate_values)) for other in sat)
    return bloomed >= BLOOMING * len(sat)


def make_pruner(pruner: Pruner, max_epochs: int) -> optuna.pruners.BasePruner:
    """Return the rule as an Optuna pruner, for any study whose trials report best-so-far."""
    import optuna

    if pruner.kind == "none":
        return optuna.pruners.NopPruner()
    passes = shares(pruner, max_epochs)

    class RungPruner(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
            step = trial.last_step
            if step not in passes or trial.user_attrs.get("role") == "baseline":
                return False
            others = study.get_trials(deepcopy=False)
            maximize = study.direction == optuna.study.StudyDirection.MAXIMIZE
            return hopeless(trial, others, step, max_epochs, passes[step], maximize)

    return RungPruner()
