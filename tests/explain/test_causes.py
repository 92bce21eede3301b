"""Which of several causes is named, and what speaks for a cause at all."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from sweeps.explain.changes import catalogue
from sweeps.explain.runs import Run
from sweeps.explain.verdict import FinalValueResult, judge
from tests.explain.planted import reference

Gain = Callable[[int], float]
REPEATS = 10


def judged(gains: dict[str, Gain], fits: dict[str, float] | None = None) -> FinalValueResult:
    """Judge probes that gain, repeat by repeat, what is said, and the others nothing."""

    def run(repeat: int, probe: str) -> Run:
        low = 0.5 - gains.get(probe, lambda k: 0.0)(repeat)
        values = [low + (0.69 - low) * math.exp(-epoch / 3) for epoch in range(60)]
        loss = 0.3 + (fits or {}).get(probe, 0.0) + 0.001 * repeat
        curves = {"val_loss": values, "loss": [0.69, loss]}
        return Run("", probe, repeat, repeat, 0, "complete", min(values), 1.0, curves)

    def runs(probe: str) -> list[Run]:
        return [run(repeat, probe) for repeat in range(REPEATS)]

    asked = reference()
    return judge(asked, runs("reference"), [(p, runs(p.name)) for p in catalogue(asked)])


def swings(mean: float, by: float) -> Gain:
    return lambda repeat: mean + by * (-1) ** repeat


def test_gains_that_cannot_be_told_apart_tie() -> None:
    more = swings(0.10, 0.04)
    # Where the schedule gains much the lower rate gains little, and the other way round.
    tied = judged({"plateau_on": more, "rate_div10": swings(0.06, -0.02)})
    assert tied.limit == "rate_too_high", "it explains the other"
    # The same two means, but the schedule gains more in every single repeat.
    apart = judged({"plateau_on": more, "rate_div10": swings(0.06, 0.024)})
    assert apart.limit == "schedule_too_late"
    for found in (tied, apart):
        supported = {v.cause for v in found.verdicts if v.outcome == "supported"}
        assert supported == {"schedule_too_late", "rate_too_high"}


@pytest.mark.parametrize(
    ("share", "limit"),
    [(0.85, "rate_too_high"), (0.75, "schedule_too_late"), (1.2, "rate_too_high")],
)
def test_gains_without_spread_tie_where_they_are_near(share: float, limit: str) -> None:
    found = judged({"plateau_on": swings(0.1, 0.0), "rate_div10": swings(0.1 * share, 0.0)})
    assert found.limit == limit


@pytest.mark.parametrize(
    ("fit", "outcome"), [(-0.1, "refuted"), (0.0, "supported"), (0.1, "supported")]
)
def test_a_smaller_net_that_fits_its_rows_better_cures_no_overfitting(
    fit: float, outcome: str
) -> None:
    gains = {"shallower": swings(0.1, 0.01), "rate_div10": swings(0.15, 0.01)}
    found = judged(gains, {"shallower": fit})
    (over,) = [v for v in found.verdicts if v.cause == "overfitting"]
    assert over.outcome == outcome
    assert found.limit == "rate_too_high"
