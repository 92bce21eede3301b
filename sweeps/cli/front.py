"""What is shown of a study of several monitors: its Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from objectives import Monitor, Objective
from objectives.costs import COSTS, SECONDS
from sweeps.study.sweep import kind_of

if TYPE_CHECKING:
    from sweeps.study.held import Held
    from sweeps.study.several import Front
    from sweeps.study.sweep import Sweep

MOST = 12  # trials of a front that are listed


def direction(monitor: Monitor) -> str:
    """Return `lower` or `higher`, whichever is better."""
    return "lower" if monitor.sign > 0 else "higher"


def monitor_lines(sweep: Sweep) -> Iterator[str]:
    """Say what decides, where that is not a loss alone."""
    first, *others = sweep.objective.monitors
    if not others:
        if not first.name.endswith("loss"):
            yield f"monitor: {first.name}, {direction(first)} is better"
        return
    named = ", ".join(f"{one.name} ({direction(one)} is better)" for one in (first, *others))
    yield f"monitors: {named}, all at a trial's best epoch by {first.name}"
    if any(one.name == SECONDS for one in others):
        yield f"{SECONDS} depends on the machine and its load: this study does not repeat exactly"
    if sweep.prunes:
        yield f"pruner: {kind_of(sweep.pruner)}, by {first.name} alone"
    else:
        yield (
            "pruner: none with several monitors, since one of them cannot tell a hopeless trial; "
            f"--prune-by {first.name} prunes by it alone"
        )


def first_alone(objective: Objective[Any], what: str) -> Iterator[str]:
    """Say that what follows looks at the first monitor, where there are several."""
    if objective.others:
        count = 1 + len(objective.others)
        yield f"{what} by {objective.monitor}, the first of {count} monitors"


def shown(name: str, value: float) -> str:
    """Return a value as a table has it: a cost as a whole number."""
    return f"{value:,.0f}" if name in COSTS else f"{value:.4g}"


def front_lines(front: Front | None, labels: Mapping[int, str]) -> Iterator[str]:
    """Return the front as a table. labels: of its trials, by number."""
    if front is None or not front.points:
        return
    names = list(front.modes)
    yield (
        f"Pareto front: {len(front.points)} of the complete trials, which none beats in "
        f"{', '.join(names[:-1])} and {names[-1]} at once, on their one seed each"
    )
    listed = front.points[:MOST]
    wide = max(len(labels.get(point.trial, "")) for point in listed)
    cells = {name: [shown(name, point.values[name]) for point in listed] for name in front.modes}
    columns = {name: max(len(name), *map(len, column)) + 2 for name, column in cells.items()}
    head = "  trial"
    yield f"{head:<{wide + 8}}" + "".join(f"{name:>{w}}" for name, w in columns.items())
    for row, point in enumerate(listed):
        label = f"  #{point.trial:<4} {labels.get(point.trial, ''):<{wide}}"
        yield label + "".join(f"{cells[name][row]:>{w}}" for name, w in columns.items())
    if len(front.points) > MOST:
        yield f"  and {len(front.points) - MOST} more, with --json"
    yield from held_lines(front)
    yield f"the best is chosen by {names[0]} alone"


def held_lines(front: Front) -> Iterator[str]:
    """Say which trials of the front hold on fresh seeds, and which were lucky."""
    by_trial = {one.trial: one for one in front.confirmed}
    left = [f"#{point.trial}" for point in front.points if point.trial not in by_trial]
    if len(left) == len(front.points):
        yield "by one seed a place on the front may be luck: --confirm 3 trains it on fresh seeds"
        return
    yield "on fresh seeds, means:"
    for one in front.confirmed:
        told = ", ".join(f"{name} {shown(name, value)}" for name, value in one.values.items())
        seeds = f"{one.seeds} seed{'s' * (one.seeds > 1)}"
        yield f"  #{one.trial:<4} {told} ({seeds}): {_verdict(one)}"
    if left:
        yield f"not confirmed: {', '.join(left[:MOST])}{' and more' * (len(left) > MOST)}"


def _verdict(one: Held) -> str:
    if one.beaten_by is None:
        return "holds" if one.on_front else "on the front too, by these seeds"
    if not one.clear:
        return f"beaten by #{one.beaten_by}, by less than seeds alone do"
    return f"beaten by #{one.beaten_by}" + ": its place on the front was luck" * one.on_front


def front_numbers(front: Front | None) -> list[int]:
    """Return the trials of a front."""
    return [] if front is None else [point.trial for point in front.points]


def front_text(front: Front | None) -> str:
    """Return the front in one line, nothing where there is none."""
    if front is None or not front.points:
        return ""
    told = (
        f"#{point.trial} ({', '.join(shown(n, v) for n, v in point.values.items())})"
        for point in front.points
    )
    held = "; ".join(f"#{one.trial} {_verdict(one)}" for one in front.confirmed if one.on_front)
    seen = f". On fresh seeds: {held}" if held else ""
    return f"Pareto front of {', '.join(front.modes)}: {', '.join(told)}{seen}"
