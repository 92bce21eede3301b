"""Should the sampler be given repeats of promising configs? On drawn sweeps, at equal runs.

The model is that of `confirming.py`: a trial's true mean is a quadratic bowl in four parameters,
and what a run reaches is that plus its seed's noise, of standard deviation 1. Here Optuna's TPE
proposes the parameters, so that a value which is luck misleads it too. A sweep has `--runs` runs
in all; a rule says which trials are run again, on further seeds, before the sampler is told the
mean. Then the 17 best trials are confirmed by elimination, with 14 runs, as a sweep does.

    python benchmarks/repeats.py [--runs 60] [--sweeps 200]

Printed is the mean true loss of the trial that is chosen in the end (the bowl's least is 0), with
its 95% interval, and what the paired difference to one run each is. "spread" is the bowl's
standard deviation for parameters drawn from a normal distribution, in seeds' standard deviations.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from confirming import COMPLETE, DIMENSIONS, SEEDS, SHARED, SPREADS, Drawn, eliminated

STARTUP, QUARTER, CONFIRMING, WIDE = 10, 0.25, 14, 3.0
Rule = Callable[[float, list[float]], int]  # a first value, the values so far -> runs in all


def promising(value: float, values: list[float]) -> bool:
    """Return whether a value is in the better quarter of those so far."""
    return len(values) >= STARTUP and value <= float(np.quantile(values, QUARTER))


RULES: dict[str, Rule] = {
    "one run each": lambda value, values: 1,
    "two runs each": lambda value, values: 2,
    "promising ones twice": lambda value, values: 1 + promising(value, values),
    "promising ones three times": lambda value, values: 1 + 2 * promising(value, values),
    "a new best twice": lambda value, values: 1 + (len(values) > 0 and value < min(values)),
}


def sweep(rule: Rule, spread: float, runs: int, seed: int) -> float:
    """Return the true mean of the trial that a sweep chooses."""
    import optuna

    rng = np.random.default_rng([seed, 1])
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    true: list[float] = []
    values: list[float] = []
    while runs > 0:
        trial = study.ask()
        x = [trial.suggest_float(f"x{k}", -WIDE, WIDE) for k in range(DIMENSIONS)]
        mean = spread * float(np.square(x).sum()) / np.sqrt(2 * DIMENSIONS)
        first = mean + rng.normal()
        count = min(rule(first, values), runs)
        value = float(np.mean([first, *(mean + rng.normal(size=count - 1))]))
        runs -= count
        study.tell(trial, value)
        true.append(mean)
        values.append(value)
    order = np.argsort(values)[:COMPLETE]
    best = np.asarray(true)[order]
    own = np.sqrt(1.0 - SHARED) * rng.normal(size=(len(best) + 1, SEEDS))
    noise = own + np.sqrt(SHARED) * rng.normal(size=SEEDS)
    chosen, *_ = eliminated(CONFIRMING)(
        Drawn(best, np.append(best, best.max() + 10)[:, None] + noise)
    )
    return float(best[chosen])


def main() -> None:
    """Print the table."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--sweeps", type=int, default=200)
    asked = parser.parse_args()
    for spread in SPREADS:
        print(f"spread {spread:g}")
        before = np.zeros(0)
        for name, rule in RULES.items():
            found = np.array([sweep(rule, spread, asked.runs, k) for k in range(asked.sweeps)])
            before = before if len(before) else found
            gap = found - before
            half = 1.96 * gap.std(ddof=1) / len(gap) ** 0.5
            own = 1.96 * found.std(ddof=1) / len(found) ** 0.5
            print(
                f"  {name:<28}{found.mean():7.3f} +-{own:.3f}   {gap.mean():+.3f} +-{half:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
