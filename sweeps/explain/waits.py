"""What sets the length of the initial plateau, and the explanations that people give for it.

A run leaves the plateau when its monitor passes the level at which 5% of the reference's progress
is made, the same level for every probe of a repeat. Lengths are compared as ratios.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from objectives.training import effective_rate
from sweeps.explain.changes import KIND, RATE, WAIT, Probe, Reference
from sweeps.explain.configs import find, get, is_number, is_optimizer
from sweeps.explain.curves import LEFT, Shape, crossing
from sweeps.explain.levels import shape_of
from sweeps.explain.runs import FIRST, LEAST, Run
from sweeps.explain.verdict import REFUTED, SIGNIFICANT, SUPPORTED, UNDECIDED
from sweeps.study.statistics import REAL, Difference, holm, paired, repeats_to_settle

BETAS = (0.9, 0.999)  # Keras's own
CORRECTED = ("adam", "adamw", "nadam")
COUNTS = math.log(1.25)  # of a ratio of lengths: less is no difference worth naming


@dataclass(frozen=True)
class Exit:
    """When and how a run left the plateau.

    epochs: inf where it never did; steps: then all that it made. rate: the learning rate then.
    effective: Adam's lr * sqrt(1 - b2^t) / (1 - b1^t) then, the plain rate for others; least: its
    least value until then; distance: the sum over the steps until then.
    """

    epochs: float
    steps: float
    rate: float
    effective: float
    least: float
    distance: float


@dataclass(frozen=True)
class Waited:
    """A probe's plateau against the reference's, as the logarithm of the ratio of lengths.

    exits, base: in the order of the repeats. bounded: some run never left, so that the ratio is
    a lower bound (of the probe) or an upper one (of the reference). outcome: "supported" where
    the change sets the length, "refuted" where it does not.
    """

    probe: Probe
    difference: Difference
    p: float
    outcome: str
    exits: tuple[Exit, ...]
    base: tuple[Exit, ...]
    runs: tuple[Run, ...]
    bounded: bool = False
    more: int | None = 0

    @property
    def ratio(self) -> tuple[float, float, float]:
        """The ratio of lengths and its interval."""
        d = self.difference
        return math.exp(d.mean), _exp(d.low), _exp(d.high)


@dataclass(frozen=True)
class Wait:
    """lever: what sets the length, "undecided" or "nothing" that was tried. waited: by probe.

    exits: of the reference, in the order of the repeats.
    """

    lever: str
    waited: tuple[Waited, ...]
    exits: tuple[Exit, ...]
    unfinished: tuple[Probe, ...]

    def of(self, name: str) -> Waited | None:
        """Return a probe's result by its name."""
        return next((w for w in self.waited if w.probe.name == name), None)


def judge_wait(
    reference: Reference, base: Sequence[Run], probed: Sequence[tuple[Probe, Sequence[Run]]]
) -> Wait:
    """Judge every probe of the plateau. Arguments as `verdict.judge` has them."""
    asked = [(p, runs) for p, runs in probed if WAIT in p.asks and runs]
    asked = [(p, runs) for p, runs in asked if all(r.outcome != "failed" for r in runs)]
    levels = [
        _level(reference, run, [runs[i] for _, runs in asked if i < len(runs)])
        for i, run in enumerate(base)
    ]
    exits = [
        exit_of(reference, reference.as_probe(), run, *level)
        for run, level in zip(base, levels, strict=True)
    ]
    waited = _with_outcomes([_waited(reference, p, runs, levels, exits) for p, runs in asked])
    untried = any(WAIT in p.asks and not runs for p, runs in probed)
    return Wait(
        _lever(waited, untried),
        tuple(waited),
        tuple(exits),
        tuple(w.probe for w in waited if w.outcome == UNDECIDED),
    )


def exit_of(reference: Reference, probe: Probe, run: Run, level: float, start: float) -> Exit:
    """Return when a run passed `level`, and its rates until then."""
    values = run.curves.get(reference.monitor.name, [])
    epochs = crossing(values, level, start, reference.monitor.sign)
    steps = -(-max(1, round(reference.rows * probe.share)) // reference.batch)
    rates = np.asarray(run.curves.get("learning_rate", []), dtype=float)
    kind, given = _optimizer(probe.config)
    if not len(rates):
        rates = np.full(len(values), given)
    ended = float(len(values)) if math.isinf(epochs) else epochs
    total = max(1, round(ended * steps))
    every = np.repeat(rates, steps)[:total]
    if kind in CORRECTED:
        t = np.arange(1, len(every) + 1)
        every = every * np.sqrt(1 - BETAS[1] ** t) / (1 - BETAS[0] ** t)
    now = float(rates[min(len(rates) - 1, int(ended))])
    effective = effective_rate(now, *BETAS, total) if kind in CORRECTED else now
    least = float(every.min()) if len(every) else effective
    return Exit(epochs, ended * steps, now, effective, least, float(every.sum()))


def _optimizer(config: Any) -> tuple[str | None, float]:
    kind, rate = find(config, KIND, is_optimizer), find(config, RATE, is_number)
    return (
        None if kind is None else str(get(config, kind)).lower(),
        math.nan if rate is None else float(get(config, rate)),
    )


def _level(reference: Reference, run: Run, others: Sequence[Run]) -> tuple[float, float]:
    """Return (level, start) of a repeat; the probes' progress where the reference made none."""
    found = shape_of(run, reference)
    if found.left is not None:
        return found.level_left, found.start
    shapes = [shape_of(other, reference) for other in others if _any_finite(other, reference)]
    bests = [s.best for s in shapes if s.left is not None]
    if not bests:
        return -reference.monitor.worst, found.start
    best = min(bests, key=lambda level: reference.monitor.sign * level)
    return found.start + LEFT * (best - found.start), found.start


def _any_finite(run: Run, reference: Reference) -> bool:
    return math.isfinite(run.curves.get(reference.monitor.name, [math.nan])[0])


def _waited(
    reference: Reference,
    probe: Probe,
    runs: Sequence[Run],
    levels: Sequence[tuple[float, float]],
    base: Sequence[Exit],
) -> Waited:
    n = min(len(runs), len(base))
    exits = [
        exit_of(reference, probe, run, *level)
        for run, level in zip(runs[:n], levels[:n], strict=True)
    ]
    difference = paired([_log(exit_) for exit_ in exits], [_log(exit_) for exit_ in base[:n]])
    return Waited(
        probe,
        difference,
        difference.p,
        "",
        tuple(exits),
        tuple(base[:n]),
        tuple(runs[:n]),
        bounded=any(math.isinf(e.epochs) for e in (*exits, *base[:n])),
    )


def _log(exit_: Exit) -> float:
    # Not before the first step; where it never left, the steps that were made are a bound.
    return math.log(max(exit_.steps, 1.0))


def _with_outcomes(waited: list[Waited]) -> list[Waited]:
    corrected = holm([w.p for w in waited])
    return [_with_outcome(replace(one, p=p)) for one, p in zip(waited, corrected, strict=True)]


def _with_outcome(waited: Waited) -> Waited:
    d = waited.difference
    if d.n < LEAST:
        return replace(waited, outcome=UNDECIDED, more=FIRST - d.n)
    real = waited.p < SIGNIFICANT and d.word == REAL
    if real and abs(d.mean) >= COUNTS:
        return replace(waited, outcome=SUPPORTED)
    if d.within(COUNTS):
        return replace(waited, outcome=REFUTED)
    distance = abs(d.mean) if abs(d.mean) >= COUNTS else COUNTS - abs(d.mean)
    more = repeats_to_settle(distance, d.spread, d.n)
    return replace(waited, outcome=UNDECIDED, more=None if more is None else max(1, more))


def _lever(waited: Sequence[Waited], untried: bool) -> str:
    """Return what changes the length most; the rate where it does at all, as the first cause."""
    setting = [w for w in waited if w.outcome == SUPPORTED]
    if any(w.probe.lever == "learning_rate" for w in setting):
        return "learning_rate"
    if untried:
        return UNDECIDED
    if setting:
        return max(setting, key=lambda w: abs(w.difference.mean)).probe.lever
    return UNDECIDED if any(w.outcome == UNDECIDED for w in waited) or not waited else "nothing"


def _exp(value: float) -> float:
    return math.exp(value) if value < 700.0 else math.inf


def plateau_share(shapes: Sequence[Shape]) -> float:
    """Return the share of the reference's repeats that wait before they improve."""
    return sum(s.waits for s in shapes) / len(shapes)


def lengths(wait: Wait) -> Mapping[str, list[float | None]]:
    """Return the epochs at which each probe left, by name; None where a repeat never did."""
    found = {"reference": wait.exits} | {w.probe.name: w.exits for w in wait.waited}
    return {
        name: [e.epochs if math.isfinite(e.epochs) else None for e in exits]
        for name, exits in found.items()
    }
