"""One program by `fit` and by the default trainer: its curves, and the cost of an epoch."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.programs import Entry, Function, Program
from objectives import BadInput, Monitor, Source
from objectives.training import Decision, Logs, Outcome, TrialResult, TrialSpec, here

EPOCHS, SEED, SEEDS = 3, 5, 10
# The largest relative difference from `fit`, in the first epoch and in later ones. Both trainers
# add up the same numbers in another order, which costs some 1e-7 a step; training then carries
# that on, and Adam divides by the root of it, so that differences grow with the steps: 2e-3 in the
# third epoch of a convolutional net. A wrong program shows in the first epoch. Recurrent nets
# multiply differences at every time step too. In bfloat16 a rounding is 4e-3, which XLA skips if
# it fuses two operations. The bias of a layer whose output is normalized over the batch has no
# gradient but rounding, of which Adam makes whole steps; they show in validation alone, where the
# moving mean is behind.
TOLERANCES = {
    "plain": (1e-5, 1e-2),
    "recurrent": (1e-4, 2e-2),
    "normalized": (5e-4, 2e-2),
    "bfloat16": (1e-2, 5e-2),
}
NOTHING = 1e-6  # below this, a difference from zero is none
# Shares of rows: where a number differs in its last digit, one row may change sides.
COUNTED = ("accuracy", "auc", "precision", "recall", "f1", "hits", "near")
CHANCE = 0.01  # of the test that tells two distributions apart


@dataclass(frozen=True)
class Row:
    """What is said of a program.

    way: how the default trainer ran it. ratio: to `fit`'s epoch. wrong: all that is.
    """

    name: str
    says: str
    good: bool = True
    way: str = "-"
    ratio: float | None = None
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A trial as a trainer gave it back. index: of its config."""

    index: int
    curve: list[Logs]
    result: TrialResult

    @property
    def way(self) -> str:
        """The way it was run, as far as the trainer tells."""
        known = self.result.extra.get("way")
        return str(known or ("fit" if self.result.fallback else "-"))

    @property
    def failure(self) -> str | None:
        """The last line of what went wrong."""
        if self.result.outcome is Outcome.COMPLETE:
            return None
        lines = (self.result.error or self.result.outcome.value).strip().splitlines()
        return lines[-1][:200]


def specs(program: Program, order: Iterable[int], seeds: Iterable[int] = ()) -> list[TrialSpec]:
    """Return a spec for each config of an order, and for each seed."""
    monitor = program.objective.monitor
    pairs = itertools.product(order, tuple(seeds) or (SEED,))
    return [
        TrialSpec(number, program.configs[index], seed, EPOCHS, Monitor.of(monitor))
        for number, (index, seed) in enumerate(pairs)
    ]


def trained(trainer: Any, program: Program, asked: Sequence[TrialSpec]) -> list[Trial]:
    """Train and return the trials in the order asked for."""
    curves: dict[int, list[Logs]] = {spec.number: [] for spec in asked}

    def on_epoch(spec: TrialSpec, epoch: int, logs: Logs) -> Decision:
        curves[spec.number].append({k: v for k, v in logs.items() if k != "epoch_seconds"})
        return Decision.CONTINUE

    results: dict[int, TrialResult] = {}
    fault = ""
    try:
        results |= {each.spec.number: each for each in trainer.train(iter(asked), on_epoch)}
    except (BadInput, RuntimeError) as why:  # which ends a sweep
        fault = f"the sweep ends: {why}"
    at = {id(config): index for index, config in enumerate(program.configs)}
    ended = {s.number: TrialResult(s, Outcome.FAILED, error=fault) for s in asked} | results
    return [Trial(at[id(s.config)], curves[s.number], ended[s.number]) for s in asked]


def defaults() -> None:
    """Set what Keras keeps for the whole process to its own defaults."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_dtype_policy("float32")


def by_fit(program: Program, data: Any) -> list[Trial]:
    """Train each config by `fit` in a process with Keras's own defaults, and leave it so."""
    found = []
    for spec in specs(program, range(3)):
        defaults()
        found += trained(here(program.objective, data, "fit"), program, [spec])
    defaults()
    return found


def on_two(entry: Entry, program: Program, data: Any, kind: str) -> list[Trial]:
    """Train each config on one of two workers."""
    from sweeps.workers import Pool, Reference

    with tempfile.TemporaryDirectory() as folder:
        data.save(Path(folder) / "data")
        reference = Reference(module=entry.module, attribute=entry.attribute)
        with Pool(reference, 2, trainer=kind, log=Path(folder) / "log") as pool:
            pool.data(Path(folder) / "data")
            return trained(pool, program, specs(program, range(3)))


def difference(program: Program, expected: Trial, found: Trial, rows: int) -> str | None:
    """Return where a curve leaves its tolerance first, or None."""
    if found.failure:
        return f"trial {found.index} failed: {found.failure}"
    if len(expected.curve) != len(found.curve):
        return f"trial {found.index}: {len(found.curve)} epochs, not {len(expected.curve)}"
    for epoch, (one, two) in enumerate(zip(expected.curve, found.curve, strict=True), 1):
        if set(one) != set(two):
            return f"trial {found.index}: logs {sorted(set(one) ^ set(two))} on one side alone"
        for name, value in one.items():
            bound = TOLERANCES[program.digits][epoch > 1]
            counted = any(word in name for word in COUNTED) and epoch > 1
            near = max(bound * abs(value), 2.0 / rows if counted else NOTHING)
            if not (abs(two[name] - value) <= near or (value != value and two[name] != two[name])):
                return (
                    f"trial {found.index}, epoch {epoch}: {name} {two[name]:.6g}, not {value:.6g}"
                )
    return None


def alike(one: list[Logs], two: list[Logs]) -> bool:
    """Return whether two curves of one spec are equal, but for a last digit of float32.

    TensorFlow's graph optimizer makes one sum of several additions, whose order depends on which
    buffer comes free first.
    """
    return len(one) == len(two) and all(
        a.keys() == b.keys() and np.allclose([*a.values()], [b[n] for n in a], 3e-7, 0, True)
        for a, b in zip(one, two, strict=True)
    )


def repeats(runs: dict[str, list[Trial]]) -> list[str]:
    """Return where the same spec, run the same way, gave other digits."""
    found = []
    for index in range(3):
        same = [(run, each) for run, trials in runs.items() for each in trials]
        same = [(run, each) for run, each in same if each.index == index and not each.failure]
        for (run, each), (other, again) in itertools.pairwise(same):
            if each.way == again.way and not alike(each.curve, again.curve):
                found.append(f"trial {index} has other digits {other} than {run}")
    return found


def told_apart(expected: list[Trial], runs: dict[str, list[Trial]]) -> list[str]:
    """Return the trials that differ by `fit` and do not by the default trainer."""
    found = []
    for run, trials in runs.items():
        for one, two in itertools.combinations(trials, 2):
            differ = expected[one.index].curve != expected[two.index].curve
            if differ and one.curve == two.curve and not one.failure:
                pair = " and ".join(map(str, sorted((one.index, two.index))))
                found.append(f"trials {pair} have one curve {run}")
    return found


def distribution(program: Program, data: Any, kind: str, indices: tuple[int, ...]) -> str | None:
    """Return which log has another distribution over seeds than by `fit`, or None."""
    from scipy.stats import ks_2samp

    asked = specs(program, indices, range(SEEDS))
    both = [trained(here(program.objective, data, kind), program, asked) for kind in ("fit", kind)]
    for index in indices:
        fit, auto = ([each for each in trials if each.index == index] for trials in both)
        if failed := next((each.failure for each in (*fit, *auto) if each.failure), None):
            return f"trial {index} failed: {failed}"
        for name in fit[0].curve[-1]:
            samples = [
                [each.curve[-1].get(name, 0.0) for each in trials] for trials in (fit, auto)
            ]
            chance = float(ks_2samp(*samples).pvalue)
            if chance <= CHANCE:
                return f"trial {index}: {name} has another distribution (p {chance:.1g})"
    return None


def compared(entry: Entry, kind: str, quick: bool) -> Row:
    """Return what a program's curves by a trainer say; quick: in one order, in one process."""
    program = entry.program
    if isinstance(program, Function):
        return called(entry.name, program)
    data = program.objective.data(Source())
    expected = by_fit(program, data)
    if failed := next((each for each in expected if each.failure), None):
        return Row(entry.name, f"fails by fit: {failed.failure}", good=False)
    wrong = (
        []
        if quick
        else repeats(
            {
                "by fit alone": expected,
                "by fit in another order": trained(
                    here(program.objective, data, "fit"), program, specs(program, (2, 1, 0))
                ),
            }
        )
    )
    runs = {
        "in order": trained(
            here(program.objective, data, kind), program, specs(program, (0, 1, 2, 0))
        )
    }
    if not quick:
        runs["in reverse"] = trained(
            here(program.objective, data, kind), program, specs(program, (2, 1, 0))
        )
        runs["on two workers"] = on_two(entry, program, data, kind)
    rows = len(data.validation)
    unequal = [
        f"{why} {run}"
        for run, trials in runs.items()
        for each in trials
        if (why := difference(program, expected[each.index], each, rows))
    ]
    wrong += repeats(runs) + told_apart(expected, runs)
    says = "same curve"
    if unequal and program.random and not any("failed" in why for why in unequal):
        says = "same distribution"
        why = distribution(program, data, kind, (2,) if quick else (0, 2))
        unequal = [why] if why else []
    wrong = list(dict.fromkeys(unequal + wrong))
    return row(entry.name, says, wrong, [each for run in runs.values() for each in run])


def row(name: str, says: str, wrong: list[str], trials: list[Trial]) -> Row:
    """Return a program's row from all that was found."""
    way = ", ".join(sorted({each.way for each in trials}))
    if wrong:
        kind = "fails" if all("failed" in each for each in wrong) else "differs"
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        return Row(name, f"{kind}: {wrong[0]}{more}", good=False, way=way, wrong=tuple(wrong))
    fallbacks = sorted({each.result.fallback for each in trials if each.result.fallback})
    if fallbacks:
        by_all = all(each.result.fallback for each in trials)
        says = f"by fit because {fallbacks[0]}" if by_all else f"{says}; some {fallbacks[0]}"
    return Row(name, says, way=way)


def called(name: str, entry: Function) -> Row:
    """Return whether a function's values are those that it returns without a sweep."""
    import keras
    import optuna

    for number, config in enumerate(entry.configs):
        keras.utils.set_random_seed(SEED)
        expected = entry.function(optuna.trial.FixedTrial(config))
        spec = TrialSpec(number, config, SEED, 10, entry.objective.judged_by)
        trainer = here(entry.objective, entry.objective.data(Source()))
        (result,) = trainer.train(iter([spec]), lambda *_: Decision.CONTINUE)
        if result.value is None or not np.isclose(result.value, expected, rtol=1e-5):
            why = (result.error or "").strip().splitlines()[-1:]
            return Row(name, f"differs: {result.value}, not {expected} {why}", good=False)
    return Row(name, "same value, by Objective.from_optuna", way="fit")
