"""Studies of several monitors: what a trial's values are, and which trials none beats in all.

The first monitor decides a trial's best epoch, its patience, and which trial is the best. Optuna
is told the values of all at that epoch (`objectives.training.beside`); its sampler looks for the
whole Pareto front. Nothing is pruned unless the first monitor is named for it
(`sweeps.study.first_alone`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from objectives import BadInput, Monitor
from objectives.costs import COSTS
from objectives.training import TrialResult
from sweeps.study.held import Held, held

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler

    from sweeps.study.ended import Ended
    from sweeps.study.session import Session

ONE_ALONE = ("CmaEsSampler",)  # samplers that know one value


def monitors_text(others: Sequence[Monitor]) -> str:
    """Return `params (min), val_auc (max)`; "none" for none."""
    return ", ".join(f"{one.name} ({one.mode})" for one in others) or "none"


def check_several(sampler: BaseSampler, others: Sequence[Monitor]) -> None:
    """Raise BadInput where a sampler cannot propose for several monitors."""
    while type(sampler).__name__ == "PartialFixedSampler":
        sampler = sampler._base_sampler  # type: ignore[attr-defined]
    name = type(sampler).__name__
    if others and name in ONE_ALONE:
        raise BadInput(
            f"sampler {name!r} knows one monitor alone, and there are {1 + len(others)}: take "
            "--sampler tpe, gp, qmc or random, or one --monitor"
        )


def finals(result: TrialResult) -> dict[str, float]:
    """Return the further metrics that a run ends with; costs have names of their own."""
    values = result.extra.get("beside", {})
    return {f"trial_{name}": value for name, value in values.items() if name not in COSTS}


def target_of(study: optuna.Study, name: str) -> dict[str, Any]:
    """Return what Optuna's functions want to know of several values: to look at the first.

    Importances take what is to be minimized.
    """
    if len(study.directions) == 1:
        return {}
    turned = name == "importances" and study.directions[0].name == "MAXIMIZE"
    sign = -1.0 if turned else 1.0
    return {"target": lambda trial: sign * trial.values[0]}


@dataclass(frozen=True)
class Point:
    """A trial of the front. values: by monitor, all of one epoch."""

    trial: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class Front:
    """The trials that no other beats in all monitors, the best by the first one first.

    modes: of the monitors, the one that decides first. confirmed: what fresh seeds say of them.
    """

    modes: Mapping[str, str]
    points: tuple[Point, ...]
    confirmed: tuple[Held, ...] = ()


def front(trials: Sequence[Ended], monitors: Sequence[Monitor]) -> list[Ended]:
    """Return the complete trials that none beats in every monitor, best first by the first one.

    A trial is beaten by one that is nowhere worse, and somewhere better.
    """
    from sweeps.study.ended import ranked

    first, *others = monitors
    complete = [t for t in ranked(list(trials), first) if all(o.name in t.beside for o in others)]
    costs = {
        t.number: (first.sign * t.reached, *(o.sign * t.beside[o.name] for o in others))
        for t in complete
    }

    unbeaten: set[tuple[float, ...]] = set()
    for mine in sorted(set(costs.values())):  # what beats it comes before it, or something better
        if not any(all(a <= b for a, b in zip(one, mine, strict=True)) for one in unbeaten):
            unbeaten.add(mine)
    return [t for t in complete if costs[t.number] in unbeaten]


def front_of(session: Session) -> Front | None:
    """Return the front of a study, None where it has one monitor."""
    from sweeps.study.winner import ATTR

    monitors = session.sweep.objective.monitors
    if len(monitors) == 1:
        return None
    points = tuple(
        Point(t.number, {monitors[0].name: t.reached, **t.beside})
        for t in front(session.store.ended(), monitors)
    )
    known = session.store.study.user_attrs.get(ATTR, {})
    return Front(
        modes={one.name: one.mode for one in monitors},
        points=points,
        confirmed=held(known, monitors, [point.trial for point in points]),
    )
