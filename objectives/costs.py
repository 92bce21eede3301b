"""What a model costs to keep and to ask, counted before it trains: known here alone.

Seconds are no such cost: they depend on the machine and its load, and are known once a model has
trained. So they may be a further monitor, and no limit; a study with them does not repeat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from objectives.nearest import nearest

COSTS = {
    "params": "weights of the model, trained or not",
    "flops": "two for every multiply-add of the products and convolutions that predict one row",
}
SECONDS = "epoch_seconds"  # of every epoch's logs


def refusal(name: str) -> str | None:
    """Return why there is no cost of this name, None where there is."""
    if name in COSTS:
        return None
    if name in (SECONDS, "seconds", "time"):
        return (
            f"{name} is known only after a model has trained, and depends on the machine's load: "
            f"limit {' or '.join(COSTS)}, or weigh it, --monitor val_loss,{SECONDS}"
        )
    near = nearest(name, [*COSTS])
    hint = f", did you mean {near[0]}?" if near else ";"
    return f"no cost {name!r}{hint} there are: {', '.join(COSTS)}"


def beyond(costs: Mapping[str, float], limits: Mapping[str, float]) -> dict[str, float]:
    """Return how far each cost lies beyond its limit, as a share of it: 0 or less is within."""
    return {
        name: (costs[name] - most) / most
        for name, most in limits.items()
        if name in costs and most < math.inf
    }


def words(costs: Mapping[str, float], limits: Mapping[str, float]) -> str:
    """Return `params 81,234 > 50,000`, for the limits that are exceeded."""
    return ", ".join(
        f"{name} {costs[name]:,.15g} > {limits[name]:,.15g}"
        for name, share in beyond(costs, limits).items()
        if share > 0.0
    )
