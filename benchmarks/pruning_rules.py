"""What a pruning rule costs, and what it loses: recorded curves, judged again by every rule.

    python benchmarks/pruning_rules.py --folder curves

First, sweeps without pruning (fifteen minutes on two cores; those that the folder has already
are not trained again). Then trials arrive one by one and each rule stops them as it would have,
in two kinds of orders. "As asked" is nearly the order in which the sampler proposed them, each
trial some places earlier or later: later trials are better ones, as in any sweep whose sampler
learns, and more of them pass where they are compared with all before. "At random" is what a
sampler that learns nothing gives. Every rule is an Optuna pruner and is told what it asks for: the
best value so far, after every epoch or at its rungs. With this project's rules a trial but the
first is also complete when its patience is over, a quarter of its epochs without a better value.
Columns:

- epochs: the share of all epochs that is trained.
- loss: how far the best value found is above the best of all trials, in percent (mean).
- kept: how often the trial that ends best of all went to its end.
- loss at N epochs: the same for equal cost instead of equal trials, where another trial costs as
  much as `--setup` epochs more (building and tracing a model).
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

SWEEPS = (
    *(("dense_binary", 100, seed) for seed in (1, 2, 3)),
    ("dense_multiclass", 100, 1),
    ("dense_regression", 100, 1),
    *(("lstm_recall", 60, seed) for seed in (1, 2)),
)
SMALL = 1e-3  # losses below are equally good

Curve = Sequence[float]  # the best value so far, after each epoch


@dataclass(frozen=True)
class Rule:
    """An Optuna pruner for trials of so many epochs, and the epochs at which it is asked.

    patience: whether a trial is complete after a quarter of its epochs without a better value.
    """

    pruner: Callable[[int], Any]
    asked: Callable[[int], Sequence[int]]
    patience: bool = False


def rules() -> dict[str, Rule]:
    """Return this project's rules, and Optuna's as they are by default or set alike."""
    from optuna import pruners

    from sweeps import no_pruning, percentile, successive_halving
    from sweeps.study.pruning import make_pruner

    def ours(kind: Any, patience: bool = True) -> Rule:
        return Rule(lambda epochs: make_pruner(kind, epochs), kind.rungs, patience)

    def asha(first: int, eta: int) -> Rule:
        rungs = successive_halving(first_rung=first, eta=eta).rungs
        return Rule(lambda _: pruners.SuccessiveHalvingPruner(first, eta), rungs)

    def every(epochs: int) -> range:
        return range(1, epochs)

    return {
        "no pruning, no patience": ours(no_pruning(), patience=False),
        "no pruning": ours(no_pruning()),
        "percentile(75)": ours(percentile(75)),
        "successive_halving() (default)": ours(successive_halving()),
        "the same, no patience": ours(successive_halving(), patience=False),
        "successive_halving(4, eta=2)": ours(successive_halving(first_rung=4, eta=2)),
        "successive_halving(4, eta=3)": ours(successive_halving(first_rung=4, eta=3)),
        "successive_halving(8, eta=3)": ours(successive_halving(first_rung=8, eta=3)),
        "ASHA, from epoch 4, eta 2": asha(4, 2),
        "ASHA, from epoch 1, eta 4": asha(1, 4),
        "Optuna's MedianPruner": Rule(lambda _: pruners.MedianPruner(), every),
        "Optuna's HyperbandPruner": Rule(lambda n: pruners.HyperbandPruner(1, n, 3), every),
    }


def record(
    folder: Path, trials: int, chosen: Sequence[tuple[str, int, int]] = SWEEPS
) -> dict[str, list[Curve]]:
    """Return the sweeps' curves, trained to the end; those in the folder are read."""
    import importlib

    import numpy as np

    import sweeps

    found = {}
    for name, epochs, seed in chosen:
        place = folder / f"{name}-{seed}"
        place.mkdir(parents=True, exist_ok=True)
        print(f"{place}: {trials} trials of {epochs} epochs", flush=True)
        study = sweeps.run(
            importlib.import_module(f"sweeps.{name}").SWEEP,
            trials=trials,
            max_epochs=epochs,
            seed=seed,
            pruner=sweeps.no_pruning(),
            patience=0,
            confirm=0,
            folder=place,
            verbose=False,
        )
        curves = [study.curves(number)["val_loss"].to_numpy() for number in range(trials)]
        if any(len(curve) != epochs for curve in curves):
            raise SystemExit(f"{place} has curves that were cut: give another --folder")
        found[place.name] = [np.minimum.accumulate(np.nan_to_num(c, nan=np.inf)) for c in curves]
    return found


def stops(curves: Sequence[Curve], order: Sequence[int], rule: Rule) -> list[int]:
    """Return the epochs that each trial trains, in the order of their arrival."""
    import optuna
    from optuna.trial import TrialState

    epochs = len(curves[0])
    study = optuna.create_study(pruner=rule.pruner(epochs), study_name="replay")
    asked, found = sorted({1, *rule.asked(epochs)}), []
    for number in order:
        trial = study.ask()
        stop = end(curves[number]) if rule.patience and number else epochs
        pruned = False
        for epoch in [epoch for epoch in asked if epoch <= stop]:
            trial.report(curves[number][epoch - 1], epoch)
            # Asked of the baseline too: Optuna counts only whom it has judged.
            if trial.should_prune() and number:
                stop, pruned = epoch, True
                break
        if not pruned:
            trial.set_user_attr("result", {"outcome": "complete", "epochs": stop})
        ended = TrialState.PRUNED if pruned else TrialState.COMPLETE
        study.tell(trial, None if pruned else curves[number][stop - 1], state=ended)
        found.append(stop)
    return found


def end(curve: Curve) -> int:
    """Return the epoch at which a trial's patience is over, or its last one."""
    from objectives.training import default_patience, on_plateau

    best, patience = 1, default_patience(len(curve))
    for epoch, value in enumerate(curve, 1):
        if value < curve[best - 1]:
            best = epoch
        elif epoch - best >= patience and not on_plateau(curve[0], value):
            return epoch
    return len(curve)


def loss(value: float, best: float) -> float:
    """Return how far a value is above the best, in percent."""
    return 100.0 * math.log(max(value, SMALL) / max(best, SMALL))


def spent(
    curves: Sequence[Curve], order: Sequence[int], trained: Sequence[int], cost: int
) -> Iterator[Any]:
    """Yield (epochs spent so far, best value), a trial at a time."""
    total, best = 0, math.inf
    for number, stop in zip(order, trained, strict=True):
        total, best = total + stop + cost, min(best, curves[number][stop - 1])
        yield total, best


def shuffled(trials: int, seed: int, places: float) -> list[int]:
    """Return an order of trials, the baseline first: moved by so many places, or infinitely."""
    source = random.Random(seed)
    if math.isinf(places):
        key = {number: source.random() for number in range(1, trials)}
    else:
        key = {number: number + source.gauss(0.0, places) for number in range(1, trials)}
    return [0, *sorted(key, key=key.__getitem__)]


def judge(
    rule: Rule, banks: dict[str, list[Curve]], places: float, options: argparse.Namespace
) -> list[float]:
    """Return a line of the table: means over sweeps and orders."""
    lines = []
    for curves in banks.values():
        best = min(curve[-1] for curve in curves)
        for seed in range(options.orders):
            order = shuffled(len(curves), seed, places)
            trained = stops(curves, order, rule)
            steps = list(spent(curves, order, trained, options.setup))
            ends = [end(curve) if rule.patience else len(curve) for curve in curves]
            whole = {n for n, stop in zip(order, trained, strict=True) if stop >= ends[n]}
            line = [
                100.0 * sum(trained) / len(curves) / len(curves[0]),
                loss(steps[-1][1], best),
                100.0 * any(curves[n][-1] == best for n in whole),
            ]
            for budget in options.epochs:
                inside = [found for total, found in steps if total <= budget]
                line.append(loss(inside[-1] if inside else curves[0][-1], best))
            lines.append(line)
    return [statistics.fmean(column) for column in zip(*lines, strict=True)]


def main() -> None:
    """Record, replay, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("curves"))
    parser.add_argument("--trials", type=int, default=60, help="of each sweep")
    parser.add_argument("--orders", type=int, default=30)
    parser.add_argument("--places", type=float, default=6.0, help="a trial moves by, as asked")
    parser.add_argument("--epochs", type=int, nargs="+", default=[600, 1000, 1500])
    parser.add_argument("--setup", type=int, default=10, help="a trial's fixed cost, in epochs")
    options = parser.parse_args()
    import optuna

    banks = record(options.folder, options.trials)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    budgets = "".join(f"{f'loss at {n}':>14}" for n in options.epochs)
    print(f"\n{len(banks)} sweeps of {options.trials} trials, {options.orders} orders of each")
    for title, places in (("as asked", options.places), ("at random", math.inf)):
        print(f"\n{title:34}{'epochs':>8}{'loss':>8}{'kept':>8}{budgets}")
        for name, rule in rules().items():
            share, lost, kept, *rest = judge(rule, banks, places, options)
            print(
                f"{name:34}{share:7.0f}%{lost:7.1f}%{kept:7.0f}%"
                + "".join(f"{each:13.1f}%" for each in rest),
                flush=True,
            )
    compared = "successive_halving() (default)", "the same, no patience"
    print(f"\n{'as asked':34}" + "".join(f"{name:>40}" for name in compared))
    for bank, curves in banks.items():
        cells = ""
        for name in compared:
            share, lost, *_ = judge(rules()[name], {bank: curves}, options.places, options)
            cells += f"{share:24.0f}% epochs{lost:7.1f}%"
        print(f"{bank:34}{cells}", flush=True)


if __name__ == "__main__":
    main()
