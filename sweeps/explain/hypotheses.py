"""Three common explanations of an initial plateau, each as a test that can refute it.

They are told apart by log-log slopes over the learning rate, one per seed. If the plateau ends
when Adam's effective rate reaches a sweet spot, the effective rate at its end does not depend on
the learning rate: that slope is 0. If the rate is simply too low, the distance to go is the same:
the slope of the sum of effective rates is 0, and plateaus are shorter at higher rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeps.explain.changes import Reference
from sweeps.explain.plateau import CORRECTED, COUNTS, PlateauEnd, PlateauProbeResult, PlateauResult
from sweeps.explain.runs import LEAST
from sweeps.explain.verdict import REFUTED, SIGNIFICANT, SUPPORTED, UNDECIDED, mean
from sweeps.study.statistics import Difference, paired

FLAT = 0.25  # slope: a tenfold rate then changes the quantity less than 1.8 times
RATES = ("rate_div3", "rate_x3", "rate_x10")
LEAST_RATES = 3
STILL_WAITS = 0.5  # of the reference's plateau: more, where none should be left, refutes


@dataclass(frozen=True)
class Hypothesis:
    """A tested explanation. outcome: supported, refuted or undecided. figures: its evidence."""

    name: str
    outcome: str
    text: str
    figures: dict[str, Any]


def hypotheses(reference: Reference, plateau: PlateauResult) -> tuple[Hypothesis, ...]:
    """Return the three hypotheses with their outcomes."""
    return (sweet_spot(reference, plateau), rate_too_low(plateau), sgd_with_lower_rate(plateau))


def sweet_spot(reference: Reference, plateau: PlateauResult) -> Hypothesis:
    """Test whether the plateau ends when Adam's effective rate reaches a certain value.

    Only a rate whose effective rate starts below that value can reach it. A rate that is above it
    from the first steps onwards must not have a plateau at all.
    """
    name = "effective_rate_sweet_spot"
    if reference.optimizer not in CORRECTED:
        return Hypothesis(name, UNDECIDED, "not tested: the optimizer has no bias correction", {})
    spot = mean([e.effective for e in plateau.exits])
    every = _by_rate(plateau)
    below = [exits for exits in every if mean([e.least for e in exits]) < spot]
    above = [exits for exits in every if exits not in below]
    slope = _slope(below, lambda e: e.effective, least=2)
    figures: dict[str, Any] = {
        "rates": _table(every),
        "effective_rate_at_exit": spot,
        "slope": _figures(slope),
    }
    if slope is None:
        return Hypothesis(name, UNDECIDED, _too_few(below, 2), figures)
    outcome, rows = _flat(slope), _table(below)
    text = (
        f"at learning rates of {_listed([row['rate'] for row in rows])} the plateau ended at "
        f"effective rates of {_listed([row['effective_rate'] for row in rows])} (log-log slope "
        f"{slope}; one sweet spot would give 0)"
    )
    if above:
        rows = _table(above)
        still = max(_table(above), key=lambda row: row["epochs"])["epochs"]
        figures["waits_above"] = still / mean([e.epochs for e in plateau.exits])
        if outcome == SUPPORTED and figures["waits_above"] > STILL_WAITS:
            outcome = REFUTED
        text += (
            f"; at {_listed([row['rate'] for row in rows])}, above {spot:.2g} from the first step "
            f"on, it still lasted {_listed([row['epochs'] for row in rows])} epochs"
        )
    held = plateau.of("uncorrected_at_exit")
    if held is not None:
        ratio, low, high = held.ratio
        figures["held_at_exit_rate"] = {"ratio": ratio, "low": low, "high": high}
        text += (
            f"; held at the reference's exit rate throughout, it still lasted {ratio:.2f} times "
            f"as long [{low:.2f}, {high:.2f}]"
        )
    return Hypothesis(name, outcome, text, figures)


def rate_too_low(plateau: PlateauResult) -> Hypothesis:
    """Test whether the rate is simply too low, so that the same distance takes more steps."""
    name, every = "rate_too_low", _by_rate(plateau)
    table = _table(every)
    distance, length = _slope(every, lambda e: e.distance), _slope(every, lambda e: e.epochs)
    figures: dict[str, Any] = {
        "rates": table,
        "slope_of_distance": _figures(distance),
        "slope_of_length": _figures(length),
    }
    faster = plateau.of("rate_x3")
    if faster is not None and faster.outcome == SUPPORTED and faster.difference.mean > 0:
        ratio, low, high = faster.ratio
        text = f"three times the rate makes it {ratio:.2f} times as long [{low:.2f}, {high:.2f}]"
        return Hypothesis(name, REFUTED, text, figures)
    if distance is None or length is None:
        return Hypothesis(name, UNDECIDED, _too_few(every, LEAST_RATES), figures)
    outcome = _flat(distance)
    if outcome == SUPPORTED and not length.high < -FLAT:
        outcome = REFUTED if length.low > -FLAT else UNDECIDED
    text = (
        f"at learning rates of {_listed([row['rate'] for row in table])} the plateau lasted "
        f"{_listed([row['epochs'] for row in table])} epochs (slope {length}), and the sum of "
        f"effective rates at its end was {_listed([row['distance'] for row in table])} "
        f"(slope {distance}; 0 means the same distance)"
    )
    flat = plateau.of("uncorrected")
    if flat is not None:
        predicted = mean([b.distance / e.rate / b.steps for e, b in _pairs(flat)])
        ratio, low, high = flat.ratio
        figures["uncorrected"] = {
            "predicted": predicted, "ratio": ratio, "low": low, "high": high,
        }  # fmt: skip
        text += (
            f"; without bias correction the same distance predicts {predicted:.2f} times the "
            f"steps, measured were {ratio:.2f} [{low:.2f}, {high:.2f}]"
        )
    return Hypothesis(name, outcome, text, figures)


def sgd_with_lower_rate(plateau: PlateauResult) -> Hypothesis:
    """Test whether SGD with a lower rate leaves the plateau sooner."""
    name = "sgd_with_lower_rate"
    tried = [w for w in (plateau.of("sgd_div3"), plateau.of("sgd_div10")) if w is not None]
    if not tried:
        return Hypothesis(name, UNDECIDED, "not tested", {})
    outcomes = [_shortens(w) for w in tried]
    outcome = (
        SUPPORTED if SUPPORTED in outcomes else UNDECIDED if UNDECIDED in outcomes else REFUTED
    )
    parts = [f"{w.probe.text}: {_ratio(w)}" for w in tried]
    figures = {
        w.probe.name: {
            "ratio": w.ratio[0],
            "low": w.ratio[1],
            "high": w.ratio[2],
            "left": sum(math.isfinite(e.epochs) for e in w.exits),
            "n": len(w.exits),
        }
        for w in tried
    }
    return Hypothesis(name, outcome, "; ".join(parts), figures)


def _shortens(result: PlateauProbeResult) -> str:
    d = result.difference
    if d.n < LEAST:
        return UNDECIDED
    if result.p < SIGNIFICANT and d.high < 0.0 and d.mean <= -COUNTS:
        return SUPPORTED
    return REFUTED if d.low > -COUNTS else UNDECIDED


def _ratio(result: PlateauProbeResult) -> str:
    left = sum(math.isfinite(e.epochs) for e in result.exits)
    ratio, low, high = result.ratio
    least = "at least " if result.bounded else ""
    return (
        f"left in {left} of {len(result.exits)} runs, {least}{ratio:.1f} times as long "
        f"[{low:.1f}, {high:.1f}]"
    )


def _by_rate(plateau: PlateauResult) -> list[Sequence[PlateauEnd]]:
    """Return the exits for each rate that left in every repeat, including the reference's."""
    found = [w.exits for w in (plateau.of(name) for name in RATES) if w is not None]
    every = [plateau.exits, *found]
    return [exits for exits in every if all(math.isfinite(e.epochs) for e in exits)]


def _slope(
    by_rate: Sequence[Sequence[PlateauEnd]],
    quantity: Callable[[PlateauEnd], float],
    least: int = LEAST_RATES,
) -> Difference | None:
    """Return the mean log-log slope of a quantity over the rate, from one slope per seed."""
    repeats = min((len(exits) for exits in by_rate), default=0)
    if len(by_rate) < least or repeats < LEAST:
        return None
    slopes = []
    for repeat in range(repeats):
        exits = [exits[repeat] for exits in by_rate]
        x = np.log([e.rate for e in exits])
        y = np.log([max(quantity(e), 1e-300) for e in exits])
        slopes.append(float(np.polyfit(x, y, 1)[0]))
    return paired(slopes, [0.0] * len(slopes))


def _flat(slope: Difference) -> str:
    if slope.within(FLAT):
        return SUPPORTED
    return REFUTED if slope.low > FLAT or slope.high < -FLAT else UNDECIDED


def _pairs(result: PlateauProbeResult) -> Iterator[tuple[PlateauEnd, PlateauEnd]]:
    """Yield a probe's exits with the reference's of the same repeat."""
    yield from zip(result.exits, result.base, strict=True)


def _table(by_rate: Sequence[Sequence[PlateauEnd]]) -> list[dict[str, float]]:
    """Return one row per rate, lowest first, with means over the repeats."""
    rows = [
        {
            "rate": float(np.mean([e.rate for e in exits])),
            "epochs": float(np.mean([e.epochs for e in exits])),
            "effective_rate": float(np.exp(np.mean(np.log([e.effective for e in exits])))),
            "distance": float(np.exp(np.mean(np.log([e.distance for e in exits])))),
            "n": len(exits),
        }
        for exits in by_rate
    ]
    return sorted(rows, key=lambda row: row["rate"])


def _figures(slope: Difference | None) -> dict[str, float] | None:
    if slope is None:
        return None
    return {"mean": slope.mean, "low": slope.low, "high": slope.high, "n": slope.n}


def _listed(values: Sequence[float]) -> str:
    shown = [f"{value:.2g}" for value in values]
    return ", ".join(shown[:-1]) + f" and {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _too_few(by_rate: Sequence[Any], least: int) -> str:
    repeats = min((len(exits) for exits in by_rate), default=0)
    if len(by_rate) >= least:
        return f"{repeats} repeats decide nothing"
    return f"of {least} rates needed, the plateau was left under {len(by_rate)} in every repeat"
