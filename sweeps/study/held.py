"""Whether a Pareto front holds on fresh seeds, or a trial's place on it was luck.

A trial is on the front by one seed. On fresh seeds another may be better in every monitor at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives import Monitor
from objectives.costs import COSTS
from sweeps.study.elimination import Noise
from sweeps.study.options import STRIDE

Runs = Mapping[int, Mapping[int, Mapping[str, float]]]  # by trial, by seed: values by monitor


@dataclass(frozen=True)
class Held:
    """A trial on fresh seeds.

    values: means by monitor. seeds: how many. on_front: whether it is on the front by its own
    seed. beaten_by: a trial that is nowhere worse and somewhere better on the seeds that both
    have, None where there is none. clear: whether it is better in each metric by more than seeds
    alone do.
    """

    trial: int
    values: Mapping[str, float]
    seeds: int
    on_front: bool
    beaten_by: int | None = None
    clear: bool = False


def held(
    known: Mapping[str, Any], monitors: Sequence[Monitor], points: Sequence[int]
) -> tuple[Held, ...]:
    """Return what fresh seeds say of a front, best first by the first monitor.

    known: what the repeats reached, by run number. points: the trials of the front.
    """
    runs: dict[int, dict[int, dict[str, float]]] = {}
    for run, told in known.items():
        if "test" in told and "beside" in told:
            number, seed = divmod(int(run), STRIDE)
            values = {monitors[0].name: told["value"], **told["beside"]}
            runs.setdefault(number, {})[seed] = values
    noise = {
        one.name: Noise.of({n: {s: v[one.name] for s, v in of.items()} for n, of in runs.items()})
        for one in monitors
    }
    found = []
    for number, of in runs.items():
        rival = next((n for n in runs if _beats(runs, n, number, monitors)), None)
        clear = rival is not None and _clearly(runs, rival, number, monitors, noise)
        means = _means(runs, number, list(of), monitors)
        found.append(Held(number, means, len(of), number in points, rival, clear))
    first = monitors[0]
    return tuple(sorted(found, key=lambda one: (first.sign * one.values[first.name], one.trial)))


def _means(
    runs: Runs, number: int, seeds: Sequence[int], monitors: Sequence[Monitor]
) -> dict[str, float]:
    return {
        one.name: math.fsum(runs[number][seed][one.name] for seed in seeds) / len(seeds)
        for one in monitors
    }


def _beats(runs: Runs, one: int, other: int, monitors: Sequence[Monitor]) -> bool:
    """Return whether a trial is nowhere worse than another and somewhere better."""
    shared = sorted(runs[one].keys() & runs[other].keys())
    if one == other or not shared:
        return False
    mine, theirs = (_means(runs, number, shared, monitors) for number in (one, other))
    worse = any(each.better(theirs[each.name], mine[each.name]) for each in monitors)
    return not worse and any(each.better(mine[each.name], theirs[each.name]) for each in monitors)


def _clearly(
    runs: Runs,
    one: int,
    other: int,
    monitors: Sequence[Monitor],
    noise: Mapping[str, Noise],
) -> bool:
    """Return whether two trials differ in each metric by more than seeds do; costs are no luck."""

    def reached(number: int, name: str) -> dict[int, float]:
        return {seed: values[name] for seed, values in runs[number].items()}

    return all(
        noise[each.name].apart(reached(one, each.name), reached(other, each.name))
        for each in monitors
        if each.name not in COSTS
    )
