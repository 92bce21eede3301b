"""What a model may cost at most: `--limit params=50000`, and what a study makes of it.

A trial whose model is beyond a limit is not trained. It ends as infeasible: counted among the
trials, as Optuna counts it, never the best, and shown to the sampler as a violated constraint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from objectives import BadInput
from objectives.costs import COSTS, beyond, refusal
from objectives.training import Outcome

if TYPE_CHECKING:
    import optuna

    from objectives.training import TrialResult
    from sweeps.study.ended import Ended


def limit(text: str) -> str:
    """Return `params=50000` as it is kept. Raises ValueError with what it must be."""
    name, equals, most = text.partition("=")
    if not equals:
        raise ValueError("it must be COST=MOST, such as params=50000")
    if (why := refusal(name.strip())) is not None:
        raise ValueError(why)
    try:
        number = float(most)
    except ValueError:
        number = math.nan
    if not 0.0 < number < math.inf:
        raise ValueError(f"{most!r} must be a positive number")
    return f"{name.strip()}={number:.15g}"


def limits_of(texts: Sequence[str]) -> dict[str, float]:
    """Return the most of each cost. Raises BadInput where one is given twice."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, most = text.partition("=")
        if name in found:
            raise BadInput(f"--limit {text}: {name} has a limit already, {found[name]:.15g}")
        found[name] = float(most)
    return found


def texts_of(limits: Mapping[str, float]) -> str:
    """Return limits as a study keeps them, `params=50000, flops=1000000`; "none" for none."""
    return ", ".join(f"{name}={most:.15g}" for name, most in limits.items()) or "none"


def checked(limits: Any) -> dict[str, float]:
    """Return the limits that a sweep declares. Raises BadInput."""
    if not isinstance(limits, Mapping):
        raise BadInput(f"Sweep(limits={limits!r}): give a dict, such as {{'params': 50_000}}")
    try:
        return limits_of([limit(f"{name}={most}") for name, most in limits.items()])
    except ValueError as error:
        raise BadInput(f"Sweep(limits={dict(limits)!r}): {error}") from None


def constrain(trial: optuna.trial.Trial, result: TrialResult) -> None:
    """Show a trial's costs to Optuna, as constraints: positive where they are beyond the limit.

    They are shares of the limits, since samplers add them up. Raises BadInput where a trainer has
    not measured them.
    """
    costs, limits = result.extra, result.spec.limits
    lacking = [name for name in limits if name not in costs]
    if lacking and result.outcome is Outcome.COMPLETE:
        raise BadInput(
            f"--limit {texts_of(limits)}: this --trainer does not measure {', '.join(lacking)}; "
            "take another one, or leave the limit out"
        )
    known = trial.constraints  # of a trial whose end was cut
    for name, share in beyond(costs, limits).items():
        if name not in known:
            trial.set_constraint(name, share)


def costs_of(trial: Ended) -> dict[str, float]:
    """Return what a trial's model was measured to cost, nothing where nobody asked."""
    return {name: trial.metrics[name] for name in COSTS if name in trial.metrics}


def least_words(trials: Sequence[Ended], limits: Mapping[str, float]) -> str:
    """Say how far the model nearest to the limits is beyond them; nothing where none is."""
    found = [costs_of(t) for t in trials if t.outcome == "infeasible" and costs_of(t)]
    if not found:
        return ""
    nearest = min(found, key=lambda costs: sum(s for s in beyond(costs, limits).values() if s > 0))
    told = ", ".join(f"{name} {cost:,.15g}" for name, cost in nearest.items())
    return f"{len(found)} infeasible with --limit {texts_of(limits)}: the nearest has {told}"
