"""What the kept runs come to: mean losses, and ratios with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.bootstrap import interval
from benchmarks.search_quality.tables import TABLES

WORST = 0.005  # by which a table counts as lost
# Whose losses are divided, by whose: the kind of loss of each.
PAIRS = (
    ("default", "exported", "untuned net", "exported"),
    ("default", "exported", "average of three", "exported"),
    ("default", "exported", "HistGradientBoosting", "exported"),
    ("default", "exported", "previous default", "exported"),
    ("default", "exported", "Optuna by fit", "exported"),
    ("default", "exported", "Ray Tune", "exported"),
    ("default", "fresh", "untuned net", "fresh"),
    ("default", "fresh", "previous default", "fresh"),
    ("default", "fresh", "Optuna by fit", "fresh"),
    ("default", "average", "default", "single"),
)
Losses = dict[tuple[str, int], dict[tuple[str, str], float]]  # table, seed -> who, kind -> loss


def losses(kept: Iterable[dict[str, Any]], budget: str, free: Sequence[str]) -> Losses:
    """Return what was found at a budget; who needs no search has every budget."""
    found: Losses = {}
    for run in kept:
        if run["budget"] != budget and run["run"] not in free:
            continue
        place = found.setdefault((run["table"], run["seed"]), {})
        for who, of in run["found"].items():
            place |= {(who, kind): value for kind, value in of.items()}
    return found


def show(kept: list[dict[str, Any]], free: Sequence[str]) -> None:
    """Print the tables of every budget."""
    for budget in dict.fromkeys(run["budget"] for run in kept):
        found = losses(kept, budget, free)
        print(f"\nbudget {budget}: mean test loss of what is exported (seeds)")
        for table in TABLES:
            of = [one for (name, _), one in found.items() if name == table]
            who = dict.fromkeys(w for one in of for w, kind in one if kind == "exported")
            cells = []
            for name in who:
                values = [one[name, "exported"] for one in of if (name, "exported") in one]
                cells.append(f"{name} {np.mean(values):.4f} ({len(values)})")
            if cells:
                print(f"  {table:<18}{'*' if TABLES[table].seen else ' '} " + "  ".join(cells))
        for seen in (False, True):
            _ratios({k: v for k, v in found.items() if TABLES[k[0]].seen is seen}, seen)


def _ratios(found: Losses, seen: bool) -> None:
    where = "tables (*) that the portfolio was chosen on" if seen else "tables it has not seen"
    print(f"ratios on the {where}: geometric mean [95%], tables, of them better, worse by 0.5%")
    for who, kind, other, theirs in PAIRS:
        gaps: dict[str, list[float]] = {}
        for (table, _), of in found.items():
            if (who, kind) in of and (other, theirs) in of:
                ratio = np.log(of[who, kind] / of[other, theirs])
                gaps.setdefault(table, []).append(float(ratio))
        if not gaps:
            continue
        means = np.array([np.mean(one) for one in gaps.values()])
        low, high = interval(list(gaps.values()))
        print(
            f"  {who} ({kind}) / {other} ({theirs}): {np.exp(means.mean()):.3f} "
            f"[{low:.3f}, {high:.3f}]  {len(means)} tables, {np.sum(means < 0)} better, "
            f"{np.sum(means > np.log1p(WORST))} worse"
        )
