"""What is shown of a study of several monitors: its Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from objectives import Monitor, Objective
from objectives.costs import COSTS

if TYPE_CHECKING:
    from sweeps.study.several import Front

MOST = 12  # trials of a front that are listed


def direction(monitor: Monitor) -> str:
    """Return `lower` or `higher`, whichever is better."""
    return "lower" if monitor.sign > 0 else "higher"


def monitor_lines(objective: Objective[Any]) -> Iterator[str]:
    """Say what decides, where that is not a loss alone."""
    first, *others = objective.monitors
    if not others:
        if not first.name.endswith("loss"):
            yield f"monitor: {first.name}, {direction(first)} is better"
        return
    named = ", ".join(f"{one.name} ({direction(one)} is better)" for one in (first, *others))
    yield f"monitors: {named}, all at a trial's best epoch by {first.name}"
    yield "pruner: none with several monitors, since one of them cannot tell a hopeless trial"


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
    yield f"the best, and what is confirmed on fresh seeds, are chosen by {names[0]} alone"


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
    return f"Pareto front of {', '.join(front.modes)}: {', '.join(told)}"
