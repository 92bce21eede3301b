"""How good is the trial that confirming chooses, and what does it cost? On drawn trials.

The model. A sweep has 17 complete trials. Their true means are a quadratic bowl in four
parameters: chi-squared with four degrees of freedom, in a standard deviation of `spread`. What a
trial reaches on one seed is its true mean plus the seed's noise: its standard deviation is 1, the
unit of everything here, and 30% of its variance is the same for all trials on that seed. The
order before confirming is that of one such value each, so that the first is partly the luckiest.
The baseline is no rival, and its runs count as any others do; a run costs 1.

In 40 trials of `dense_binary`, a seed's noise was 0.01, and the best eight complete trials lay
within one to five times that: spreads of 1 to 10 are what sweeps have, 0.3 is one that has
converged.

Printed is how much worse the chosen trial's true mean is than the best trial's, on average, and in
brackets the runs that it took and the fresh seeds of the chosen trial. `--choose` prints it for
other numbers of candidates and levels too.

    python benchmarks/confirming.py [--choose]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sweeps.study import elimination
from sweeps.study.elimination import Race

COMPLETE, SEEDS, SHARED, DIMENSIONS = 17, 5, 0.3, 4
SPREADS = (0.3, 1.0, 3.0, 10.0)
BASELINE = COMPLETE  # its number
BUDGETS = (20, 14, 10, 8, 6)


@dataclass(frozen=True)
class Drawn:
    """A sweep, its trials in the order of their values on one seed. fresh: trial x seed."""

    true: np.ndarray
    fresh: np.ndarray


def drawn(spread: float, rng: np.random.Generator) -> Drawn:
    """Draw a sweep."""
    true = spread * rng.chisquare(DIMENSIONS, COMPLETE) / np.sqrt(2 * DIMENSIONS)
    true = true[np.argsort(true + rng.normal(size=COMPLETE))]
    own = np.sqrt(1.0 - SHARED) * rng.normal(size=(COMPLETE + 1, SEEDS))
    noise = own + np.sqrt(SHARED) * rng.normal(size=SEEDS)
    return Drawn(true, np.append(true, true.max() + 10.0)[:, None] + noise)


def one_seed(sweep: Drawn) -> tuple[int, int, int]:
    """Choose without confirming."""
    return 0, 0, 0


def three_on_five(sweep: Drawn) -> tuple[int, int, int]:
    """Train three candidates and the baseline on five seeds each."""
    return int(sweep.fresh[:3].mean(axis=1).argmin()), 4 * SEEDS, SEEDS


def eliminated(allowance: int) -> Callable[[Drawn], tuple[int, int, int]]:
    """Return what `--confirm` does with so many runs."""

    def choose(sweep: Drawn) -> tuple[int, int, int]:
        costs = dict.fromkeys(range(COMPLETE + 1), 1)
        race = Race(range(COMPLETE), BASELINE, costs, SEEDS, allowance)
        values: dict[int, dict[int, float]] = {}
        runs = 0
        while (found := race.next(values)).missing:
            for number, seed in found.missing:
                values.setdefault(number, {})[seed] = float(sweep.fresh[number, seed])
            runs += len(found.missing)
        means = {n: np.mean([*values[n].values()]) for n in found.trials}
        return min(means, key=lambda n: means[n]), runs, found.seeds

    return choose


def told(rule: Callable[[Drawn], tuple[int, int, int]], sweeps: list[Drawn]) -> str:
    """Return the mean loss of a rule, its mean number of runs, and of the chosen trial's seeds."""
    found = [(sweep.true, *rule(sweep)) for sweep in sweeps]
    loss = np.mean([true[chosen] - true.min() for true, chosen, *_ in found])
    runs, seeds = (np.mean([one[place] for one in found]) for place in (2, 3))
    return f"{loss:.3f} ({runs:4.1f}, {seeds:.1f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--choose", action="store_true")
    options = parser.parse_args()
    drawings = {}
    for spread in SPREADS:
        rng = np.random.default_rng(0)
        drawings[spread] = [drawn(spread, rng) for _ in range(options.draws)]
    rules = {"no confirming": one_seed, "three on five seeds": three_on_five}
    rules |= {f"elimination, {n} runs": eliminated(n) for n in BUDGETS}

    def line(name: str, rule: Callable[[Drawn], tuple[int, int, int]]) -> None:
        cells = (told(rule, sweeps) for sweeps in drawings.values())
        print(f"{name:<30}" + "".join(f"{cell:>20}" for cell in cells), flush=True)

    heads = "".join(f"{f'spread {spread:g}':>20}" for spread in SPREADS)
    print(f"{'worse by (runs, seeds)':<30}{heads}")
    for name, rule in rules.items():
        line(name, rule)
    if not options.choose:
        return
    for budget in BUDGETS:
        for top in (2, 3, 4, 5, 6, 8):
            for level in (0.5, 0.8, 0.95):
                elimination.TOP, elimination.LEVEL = top, level
                line(f"{budget} runs, top {top}, level {level}", eliminated(budget))


if __name__ == "__main__":
    main()
