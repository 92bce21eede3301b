"""What sets the length of the initial plateau.

A run leaves the plateau when its monitor passes the level of 5% of the reference's progress. The
level is the same for all probes of a repeat. Lengths are compared as ratios.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from objectives.training import effective_rate
from sweeps.explain.changes import INITIAL_PLATEAU, KIND, RATE, Probe, Reference
from sweeps.explain.configs import find, get, is_number, is_optimizer
from sweeps.explain.curves import LEFT, Shape, crossing
from sweeps.explain.levels import shape_of
from sweeps.explain.runs import FIRST, LEAST, Run
from sweeps.explain.verdict import REFUTED, SIGNIFICANT, SUPPORTED, UNDECIDED
from sweeps.study.statistics import REAL, Difference, holm, paired, repeats_to_settle

BETAS = (0.9, 0.999)  # Keras's defaults
CORRECTED = ("adam", "adamw", "nadam")
COUNTS = math.log(1.25)  # smaller ratios of lengths are not worth reporting


@dataclass(frozen=True)
class PlateauEnd:
    """When and how a run left the plateau.

    epochs, steps: until then. For a run that never left, epochs is inf, and steps are all it made.
    rate: the learning rate at that time. effective: Adam's lr * sqrt(1 - b2^t) / (1 - b1^t) at
    that time; for other optimizers, the rate. least: the lowest effective rate until then.
    distance: its sum over the steps until then.
    """

    epochs: float
    steps: float
    rate: float
    effective: float
    least: float
    distance: float


@dataclass(frozen=True)
class PlateauProbeResult:
    """A probe's plateau against the reference's: `difference` is the log ratio of their lengths.

    exits, base: of the probe and the reference, in the order of the repeats. bounded: whether some
    run never left, so that the ratio is a lower bound (of the probe) or an upper bound (of the
    reference). outcome: "supported" if the change affects the length, "refuted" if not.
    """

    probe: Probe
    difference: Difference
    p: float
    outcome: str
    exits: tuple[PlateauEnd, ...]
    base: tuple[PlateauEnd, ...]
    runs: tuple[Run, ...]
    bounded: bool = False
    more: int | None = 0

    @property
    def ratio(self) -> tuple[float, float, float]:
        """The ratio of lengths and its interval."""
        d = self.difference
        return math.exp(d.mean), _exp(d.low), _exp(d.high)


@dataclass(frozen=True)
class PlateauResult:
    """What sets the length of the initial plateau.

    lever: what sets it, or "undecided", or "nothing" that was tried. probes: the results of all
    probes. exits: of the reference, in the order of the repeats.
    """

    lever: str
    probes: tuple[PlateauProbeResult, ...]
    exits: tuple[PlateauEnd, ...]
    unfinished: tuple[Probe, ...]

    def of(self, name: str) -> PlateauProbeResult | None:
        """Return the result of a probe by its name, None if it was not run."""
        return next((r for r in self.probes if r.probe.name == name), None)


def judge_plateau(
    reference: Reference, base: Sequence[Run], probed: Sequence[tuple[Probe, Sequence[Run]]]
) -> PlateauResult:
    """Judge all probes of the plateau. For the arguments, see `verdict.judge`."""
    asked = [(p, runs) for p, runs in probed if INITIAL_PLATEAU in p.asks and runs]
    asked = [(p, runs) for p, runs in asked if all(r.outcome != "failed" for r in runs)]
    levels = [
        _level(reference, run, [runs[i] for _, runs in asked if i < len(runs)])
        for i, run in enumerate(base)
    ]
    exits = [
        plateau_end(reference, reference.as_probe(), run, *level)
        for run, level in zip(base, levels, strict=True)
    ]
    results = _with_outcomes([_result(reference, p, runs, levels, exits) for p, runs in asked])
    untried = any(INITIAL_PLATEAU in p.asks and not runs for p, runs in probed)
    return PlateauResult(
        _lever(results, untried),
        tuple(results),
        tuple(exits),
        tuple(r.probe for r in results if r.outcome == UNDECIDED),
    )


def plateau_end(
    reference: Reference, probe: Probe, run: Run, level: float, start: float
) -> PlateauEnd:
    """Return when a run passed `level`, and its learning rates until then."""
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
    return PlateauEnd(epochs, ended * steps, now, effective, least, float(every.sum()))


def _optimizer(config: Any) -> tuple[str | None, float]:
    kind, rate = find(config, KIND, is_optimizer), find(config, RATE, is_number)
    return (
        None if kind is None else str(get(config, kind)).lower(),
        math.nan if rate is None else float(get(config, rate)),
    )


def _level(reference: Reference, run: Run, others: Sequence[Run]) -> tuple[float, float]:
    """Return (level, start) of a repeat, by the probes' progress if the reference made none."""
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


def _result(
    reference: Reference,
    probe: Probe,
    runs: Sequence[Run],
    levels: Sequence[tuple[float, float]],
    base: Sequence[PlateauEnd],
) -> PlateauProbeResult:
    n = min(len(runs), len(base))
    exits = [
        plateau_end(reference, probe, run, *level)
        for run, level in zip(runs[:n], levels[:n], strict=True)
    ]
    difference = paired([_log(end) for end in exits], [_log(end) for end in base[:n]])
    return PlateauProbeResult(
        probe,
        difference,
        difference.p,
        "",
        tuple(exits),
        tuple(base[:n]),
        tuple(runs[:n]),
        bounded=any(math.isinf(e.epochs) for e in (*exits, *base[:n])),
    )


def _log(end: PlateauEnd) -> float:
    # At least one step. For a run that never left, the steps that it made are a bound.
    return math.log(max(end.steps, 1.0))


def _with_outcomes(results: list[PlateauProbeResult]) -> list[PlateauProbeResult]:
    corrected = holm([r.p for r in results])
    return [_with_outcome(replace(one, p=p)) for one, p in zip(results, corrected, strict=True)]


def _with_outcome(result: PlateauProbeResult) -> PlateauProbeResult:
    d = result.difference
    if d.n < LEAST:
        return replace(result, outcome=UNDECIDED, more=FIRST - d.n)
    real = result.p < SIGNIFICANT and d.word == REAL
    if real and abs(d.mean) >= COUNTS:
        return replace(result, outcome=SUPPORTED)
    if d.within(COUNTS):
        return replace(result, outcome=REFUTED)
    distance = abs(d.mean) if abs(d.mean) >= COUNTS else COUNTS - abs(d.mean)
    more = repeats_to_settle(distance, d.spread, d.n)
    return replace(result, outcome=UNDECIDED, more=None if more is None else max(1, more))


def _lever(results: Sequence[PlateauProbeResult], untried: bool) -> str:
    """Return what changes the length most, or the learning rate if it changes it at all."""
    setting = [r for r in results if r.outcome == SUPPORTED]
    if any(r.probe.lever == "learning_rate" for r in setting):
        return "learning_rate"
    if untried:
        return UNDECIDED
    if setting:
        return max(setting, key=lambda r: abs(r.difference.mean)).probe.lever
    return UNDECIDED if any(r.outcome == UNDECIDED for r in results) or not results else "nothing"


def _exp(value: float) -> float:
    return math.exp(value) if value < 700.0 else math.inf


def plateau_share(shapes: Sequence[Shape]) -> float:
    """Return the share of the reference's repeats that have an initial plateau."""
    return sum(s.has_plateau for s in shapes) / len(shapes)


def lengths(plateau: PlateauResult) -> Mapping[str, list[float | None]]:
    """Return the epochs at which each probe left the plateau; None for a run that did not."""
    found = {"reference": plateau.exits} | {r.probe.name: r.exits for r in plateau.probes}
    return {
        name: [e.epochs if math.isfinite(e.epochs) else None for e in exits]
        for name, exits in found.items()
    }
