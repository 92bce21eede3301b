"""What TPE finds when it is shown a part of a long history, against all of it.

Both are this package's own TPE with the same seeds and the same first trials; they part where the
bound is passed. Here it is 250 ended trials, so that studies of 1,000 trials are as long for it as
studies of 4,000 for the real one, which is 1,000. From 250 trials on TPE takes 25 as the best,
whatever the bound. A third of the trials is pruned: those that begin badly.

    python benchmarks/bounded_history.py [--seeds 10] [--trials 1000] [--of rosenbrock ...]

`--running 50` keeps as many trials running. Printed is the best value found, as a distance from
the optimum: geometric means over the seeds, and how often the bounded one ends better, with the
interval (95%) of the ratio.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import optuna

from search_spaces import Params, Space, Trial
from sweeps.study.recent import Recent
from sweeps.study.storage import Store
from sweeps.study.sweep import tpe

BOUND = 250
LEAST = 1e-6  # of a distance, so that its logarithm is finite


def _cube(trial: Trial, n: int, low: float, high: float) -> Params:
    return {f"x{i}": trial.suggest_float(f"x{i}", low, high) for i in range(n)}


def rosenbrock(trial: Trial) -> Params:
    """Ask for six numbers: a curved valley."""
    return _cube(trial, 6, -2.0, 2.0)


def rastrigin(trial: Trial) -> Params:
    """Ask for five numbers: many local optima."""
    return _cube(trial, 5, -4.0, 5.0)


def hartmann(trial: Trial) -> Params:
    """Ask for six numbers: four basins, one of which is the deepest."""
    return _cube(trial, 6, 0.0, 1.0)


def net(trial: Trial) -> Params:
    """Ask for what nets are made of: logarithms, integers, choices, one that hangs on another."""
    found: Params = {
        "rate": trial.suggest_float("rate", 1e-5, 1.0, log=True),
        "decay": trial.suggest_float("decay", 1e-7, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.7),
        "width": trial.suggest_int("width", 4, 1024, log=True),
        "depth": trial.suggest_int("depth", 1, 8),
        "kind": trial.suggest_categorical("kind", ["adam", "sgd", "rmsprop"]),
    }
    if found["kind"] == "sgd":
        found["momentum"] = trial.suggest_float("momentum", 0.0, 0.99)
    return found


def _rosenbrock(p: Params) -> float:
    x = np.array([*p.values()])
    return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))


def _rastrigin(p: Params) -> float:
    x = np.array([*p.values()])
    return float(10.0 * len(x) + np.sum(x**2 - 10.0 * np.cos(2.0 * np.pi * x)))


_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8],
     [17, 8, 0.05, 10, 0.1, 14]]
)  # fmt: skip
_P = 1e-4 * np.array(
    [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]
)  # fmt: skip


def _hartmann(p: Params) -> float:
    x = np.array([*p.values()])
    inner = np.sum(_A * (x - _P) ** 2, axis=1)
    return float(3.32237 - np.array([1.0, 1.2, 3.0, 3.2]) @ np.exp(-inner))


def _net(p: Params) -> float:
    best = {"adam": -2.7, "sgd": -1.2, "rmsprop": -3.1}[p["kind"]]
    away = [
        (math.log10(p["rate"]) - best) * 0.6,
        (math.log10(p["decay"]) + 3.5) * 0.15,
        (p["dropout"] - 0.2) * (1.0 + math.log2(p["width"]) / 10.0),
        (math.log2(p["width"]) - 6.6 - 0.3 * p["depth"]) * 0.2,
        (p["depth"] - 3) * 0.1,
        (p.get("momentum", 0.9) - 0.9) * 0.8,
    ]
    kind = {"adam": 0.0, "sgd": 0.01, "rmsprop": 0.02}[p["kind"]]
    return kind + sum(one**2 for one in away)


@dataclass(frozen=True)
class Problem:
    """A function that is at least 0, and how a trial is asked for its arguments."""

    suggest: Callable[[Trial], Params]
    value: Callable[[Params], float]


PROBLEMS = {
    "rosenbrock": Problem(rosenbrock, _rosenbrock),
    "rastrigin": Problem(rastrigin, _rastrigin),
    "hartmann": Problem(hartmann, _hartmann),
    "net": Problem(net, _net),
}


def opened(problem: Problem, seed: int, recent: Recent | None) -> Store:
    """Return an empty study in memory."""
    space = Space(problem.suggest, None, params=dict, restore=dict)
    storage = optuna.storages.InMemoryStorage()
    store = Store(optuna.create_study(storage=storage), space, tpe(), seed, {})
    store._recent = recent
    return store


def go_on(
    store: Store, problem: Problem, trials: int, found: list[float], running: int = 0
) -> None:
    """Add trials to a study, and to the values found."""
    values = sorted(found)
    waiting = deque(store.ask() for _ in range(running))
    while len(found) < trials:
        waiting.append(store.ask())
        trial = waiting.popleft()
        value = problem.value(trial.user_attrs["params"])
        trial.report(value, 1)
        begun_badly = len(values) > 10 and value > values[2 * len(values) // 3]
        states = optuna.trial.TrialState
        state = states.PRUNED if begun_badly else states.COMPLETE
        store.study.tell(trial.number, None if begun_badly else value, state=state)
        found.append(value)
        values = sorted(found)
    for trial in waiting:
        store.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def compared(problem: Problem, seed: int, trials: int, running: int) -> tuple[float, float]:
    """Return the best values found: with all of the history, and with a part of it."""
    whole, part = opened(problem, seed, None), opened(problem, seed, Recent(1.0, BOUND))
    values: list[float] = []
    go_on(whole, problem, BOUND, values)
    for trial in whole.study.get_trials(deepcopy=False):  # up to here they are the same
        part.study.add_trial(trial)
    others = [*values]
    go_on(whole, problem, trials, values, running)
    go_on(part, problem, trials, others, running)
    return min(values), min(others)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--running", type=int, default=0)
    parser.add_argument("--of", nargs="+", default=[*PROBLEMS], choices=[*PROBLEMS])
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("              whole    bounded   bounded better   ratio, 95%")
    for name in options.of:
        pairs = [
            compared(PROBLEMS[name], seed, options.trials, options.running)
            for seed in range(options.seeds)
        ]
        whole, part = np.log(np.maximum(np.array(pairs), LEAST)).T
        difference = part - whole
        half = 2.26 * difference.std(ddof=1) / math.sqrt(len(difference))
        mean = difference.mean()
        print(
            f"{name:<12}{math.exp(whole.mean()):>8.4g}{math.exp(part.mean()):>11.4g}"
            f"{int((difference < 0).sum()):>9} of {len(difference)}"
            f"{math.exp(mean):>11.2f} [{math.exp(mean - half):.2f}, {math.exp(mean + half):.2f}]",
            flush=True,
        )


if __name__ == "__main__":
    main()
