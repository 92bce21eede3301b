"""The table of `promotion.py`: what its searches found, and how soon."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bootstrap import interval

SMALL = 1e-6  # losses below are equally good: recall is learned or not
Runs = Mapping[tuple[str, int, str], Any]  # task, seed, rule


def quality(run: Any) -> float:
    """Return the best value of the trials that set the target."""
    return max(float(run["log"][run["trials"] - 1]["complete"]), SMALL)


def reached(run: Any, target: float, axis: str) -> tuple[float, bool]:
    """Return what a search had spent when it was as good as the target, and whether it was."""
    good = (line[axis] for line in run["log"] if max(line["complete"], SMALL) <= target)
    found = next(good, None)
    return (run["log"][-1][axis], False) if found is None else (found, True)


def after(run: Any, seconds: float) -> float:
    """Return the best value after so many seconds."""
    known = [line["complete"] for line in run["log"] if line["seconds"] <= seconds]
    return max(known[-1], SMALL) if known else math.inf


def ratio(gaps: Sequence[Sequence[float]]) -> str:
    """Return a geometric mean, tables alike, and its interval."""
    low, high = interval([list(each) for each in gaps])
    mean = math.exp(statistics.fmean(statistics.fmean(each) for each in gaps))
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


def of_task(runs: Runs, name: str, rule: str, own: bool) -> dict[str, Any]:
    """Return one table's logarithms, a number a seed, and how often a rule paused and resumed.

    own: each seed's target is what its own default had, not the median of all seeds.
    """
    both = [
        (runs[name, seed, "default"], run)
        for (task, seed, kind), run in runs.items()
        if (task, kind) == (name, rule) and (name, seed, "default") in runs
    ]
    target = statistics.median(quality(default) for default, _ in both)
    found: dict[str, Any] = {"there": [0, 0]}
    for axis in ("seconds", "epochs"):
        found[axis] = []
        for pair in both:
            goal = quality(pair[0]) if own else target
            (cost, there), (other, also) = (reached(run, goal, axis) for run in pair)
            found[axis].append(math.log(cost / other))
            if axis == "seconds":
                found["there"] = [found["there"][0] + there, found["there"][1] + also]
    found["value"] = [
        math.log(after(other, default["log"][default["trials"] - 1]["seconds"]) / quality(default))
        for default, other in both
    ]
    for key in ("pauses", "resumed", "trials"):
        found[key] = statistics.fmean(other["log"][-1][key] for _, other in both)
    return found


def table(path: Path) -> str:
    """Return the tables of a file of searches."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    runs = {(one["task"], one["seed"], one["rule"]): one for one in lines}
    said = []
    for own in (False, True):
        what = "what the same seed's default had" if own else "the default's median"
        for rule in dict.fromkeys(rule for *_, rule in runs if rule != "default"):
            names = dict.fromkeys(task for task, _, kind in runs if kind == rule)
            tasks = {name: of_task(runs, name, rule, own) for name in names}
            said += ["", f"{rule}, to {what}: default's cost / its own [95%]"]
            heads = ("seconds", "epochs", "value, in default's", "got there", "paused, resumed")
            said.append(f"{'':12}" + "".join(f"{head:>21}" for head in heads))
            for name, one in tasks.items():
                cells = [ratio([one[key]]) for key in ("seconds", "epochs", "value")]
                cells += ["{} and {} of {}".format(*one["there"], len(one["value"]))]
                cells += [f"{one['pauses']:.0f}, {one['resumed']:.1f} of {one['trials']:.0f}"]
                said.append(f"{name:12}" + "".join(f"{cell:>21}" for cell in cells))
            cells = [
                ratio([one[key] for one in tasks.values()])
                for key in ("seconds", "epochs", "value")
            ]
            said.append(f"{'all':12}" + "".join(f"{cell:>21}" for cell in cells))
    return "\n".join(said)
