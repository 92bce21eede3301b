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
from sweeps.study.rivals import Rivals, on_first_plateau
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
    rivals = Rivals((rung,), rungs, sign)
    rivals.take([other for other in others if other.number != trial.number])
    return _hopeless(rivals, trial, None, rung, max_epochs, keep)


def _hopeless(
    rivals: Rivals, trial: FrozenTrial, own: int | None, rung: int, max_epochs: int, keep: float
) -> bool:
    """Return whether a trial should stop, given its rivals. own: its number among them, if any."""
    value = trial.intermediate_values[rung]
    others, better, sat, left = rivals.at(rung, value, own)
    if better < max(1, math.floor(keep * (others + 1))):
        return False
    if not on_first_plateau(trial, rung):
        return True
    # Too few that were on a plateau here are no evidence: the trial then continues for a third of
    # its epochs.
    enough = left >= SHARE_THAT_LEFT * sat if sat >= FEWEST_FLAT else rung <= max_epochs / 3
    return not enough


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
        def __init__(self) -> None:
            self._study = ""
            self._rivals = Rivals((), None)

        def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
            step = trial.last_step
            if step not in rungs or trial.user_attrs.get("role") in NEVER_PRUNED:
                return False
            if study.study_name != self._study:
                sign = Monitor.directed("value", study.direction.name).sign
                self._study, self._rivals = study.study_name, Rivals(rungs, rungs, sign)
            self._rivals.take(study.get_trials(deepcopy=False))
            return _hopeless(self._rivals, trial, trial.number, step, max_epochs, keep)

    return RungPruner()
