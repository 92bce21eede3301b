"""Bootstrap intervals over tables and repeats."""

from __future__ import annotations

import numpy as np

DRAWS = 2000


def interval(gaps: list[list[float]]) -> tuple[float, float]:
    """Return the 95% interval of a ratio: tables are drawn, and repeats in each.

    gaps: the ratio's logarithms, by table.
    """
    rng = np.random.default_rng(0)
    means = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(gaps), len(gaps))
        means.append(np.mean([np.mean(rng.choice(gaps[k], len(gaps[k]))) for k in drawn]))
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return float(low), float(high)
