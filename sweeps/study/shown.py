"""What Optuna's store holds for people: whole curves, what never varies, which trial is best.

Optuna's own figures and its dashboard read the store. So it is told more of a curve than pruning
needs, and a hyperparameter of one value is an attribute of a trial rather than a parameter.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

    from objectives.training import TrialResult

DRAWN = 30  # reports of a whole curve, at least
FIXED = "fixed"  # of a trial: what has one value; as a system attribute, the ranges of it
BEST = "best"  # of a study: the trial that leads, and by what
OWN_SEED, FRESH_SEEDS = "its value on its own seed", "its mean on fresh seeds"


@lru_cache(maxsize=16)
def drawn(max_epochs: int) -> frozenset[int]:
    """Return the epochs that draw a curve: the first, the last, and between them geometrically."""
    if max_epochs <= DRAWN:
        return frozenset(range(1, max_epochs + 1))
    found: set[int] = set()
    parts = DRAWN
    while len(found) < DRAWN:
        parts += 1
        found = {round(max_epochs ** (i / parts)) for i in range(parts + 1)}
    return frozenset(found)


def reported(max_epochs: int, rungs: Collection[int]) -> frozenset[int]:
    """Return the epochs at which a trial reports its best value so far.

    A pruner that is asked at every epoch gets those alone: some of Optuna's read off complete
    trials how far they go.
    """
    every = len(set(rungs)) >= max_epochs - 1
    return frozenset(rungs) | (frozenset({1}) if every else drawn(max_epochs))


def report_last(trial: Trial, result: TrialResult) -> None:
    """Report a trial's best value at its last epoch, unless that is reported.

    Nothing is reported of several values.
    """
    if len(trial.study.directions) > 1:
        return
    last = trial.study._storage.get_trial(trial._trial_id).last_step
    if result.value is not None and (last is None or last < result.epochs):
        trial.report(result.value, result.epochs)


def name_metrics(study: Study, names: list[str]) -> None:
    """Let Optuna's figures and frames call the values by the monitors' names."""
    if study.metric_names is None:
        with warnings.catch_warnings(action="ignore"):  # that it is experimental
            study.set_metric_names(names)


def name_best(study: Study, number: int, run: str, metric: str, value: float, by: str) -> None:
    """Keep which trial is best now. by: what it is judged by, in words."""
    found = {"trial": number, "run_name": run, metric: value, "by": by}
    if study.user_attrs.get(BEST) != found:
        study.set_user_attr(BEST, found)


def fixed_attrs(distributions: Mapping[str, BaseDistribution]) -> dict[str, str]:
    """Return ranges of one value as a system attribute, nothing where there are none."""
    from optuna.distributions import distribution_to_json

    kept = {name: distribution_to_json(one) for name, one in distributions.items()}
    return {FIXED: json.dumps(kept)} if kept else {}


def asked(trial: FrozenTrial) -> dict[str, BaseDistribution]:
    """Return every range that a trial was asked for, those of one value too, in its order."""
    found = trial.distributions | _read(trial.system_attrs.get(FIXED, "{}"))
    order = dict.fromkeys((*trial.user_attrs.get("params", ()), *found))
    return {name: found[name] for name in order if name in found}


@lru_cache(maxsize=1024)
def _read(kept: str) -> dict[str, BaseDistribution]:
    from optuna.distributions import json_to_distribution

    return {name: json_to_distribution(one) for name, one in json.loads(kept).items()}


def last_judged(trial: FrozenTrial, rungs: Collection[int] | None) -> int | None:
    """Return a trial's last report that a rule looks at: others only draw its curve.

    rungs: None where all are looked at.
    """
    if rungs is None or trial.state.name == "PRUNED":
        return trial.last_step
    steps = (step for step in trial.intermediate_values if step == 1 or step in rungs)
    return max(steps, default=None)


def run_name(number: int, role: str, label: str) -> str:
    """Return a run's name: MLflow's list cuts what is longer than 22 characters."""
    return f"{number:03d} {'baseline' if role == 'baseline' else label}"[:22]
