"""What little evidence must not be taken for: a verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sweeps.explain.curves import shape
from sweeps.explain.explanation import Explanation
from sweeps.explain.levels import chance, remaining
from sweeps.explain.runs import LEAST, Run
from sweeps.explain.verdict import FinalValueResult, judge
from sweeps.explain.words import limit, open_cause
from tests.explain.planted import explained, falling, reference


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Explanation:
    script = falling(lambda s: 0.1 + 3.0 / (s.config.width * s.config.depth))
    return explained(script, tmp_path_factory.mktemp("few"))


def judged(found: Explanation, repeats: int, without: str = "") -> FinalValueResult:
    """Judge the first repeats alone, and one probe not run at all."""
    (_, base), *probed = found.runs
    return judge(
        found.reference,
        base[:repeats],
        [(p, [] if p.name == without else its[:repeats]) for p, its in probed],
    )


@pytest.mark.parametrize("repeats", range(1, LEAST))
def test_two_repeats_decide_nothing(found: Explanation, repeats: int) -> None:
    few = judged(found, repeats)
    assert few.limit == "undecided"
    assert {v.outcome for v in few.verdicts} == {"undecided"}
    assert all(j.more == 5 - repeats for v in few.verdicts for j in v.evidence)
    assert judged(found, 5).limit == "capacity"


def test_no_limit_is_named_while_a_probe_was_not_tried(found: Explanation) -> None:
    part = judged(found, 5, without="rate_x10")
    assert part.limit == "undecided"
    assert limit(part) == "undecided; 1 probe still to run"
    by_cause = {v.cause: v for v in part.verdicts}
    assert by_cause["capacity"].outcome == "supported", "what was tried stands"
    assert by_cause["rate_too_low"].outcome == "undecided"
    assert open_cause(by_cause["rate_too_low"]).endswith("(1 probe to go)")


def run(values: list[float], losses: list[float]) -> Run:
    curves = {"val_loss": values, "loss": losses}
    return Run("k", "reference", 0, 0, 0, "complete", min(values), 1.0, curves)


def test_a_net_that_learns_all_in_its_first_epoch_has_nothing_left() -> None:
    values = [0.024, 0.008, 0.004, 0.002, 0.0015, 0.0012]

    def left(losses: list[float], guess: float | None) -> float:
        share = remaining(run(values, losses), shape(values), reference(chance=guess))
        assert share is not None
        return share

    known = left([0.3, 0.01, 0.005, 0.003, 0.002, 0.002], math.log(2))
    assert known == pytest.approx(0.0012 / 0.3, rel=0.3)
    exploded = left([5e3, 0.01, 0.005, 0.003, 0.002, 0.002], math.log(2))
    assert exploded == pytest.approx(0.0012 / math.log(2), rel=0.3), "no more than guessing"
    assert left([0.3] * 6, None) == pytest.approx(0.0012 / 0.024, rel=0.3)


def test_guessing_costs_the_entropy_of_the_classes() -> None:
    y = np.array([0, 1] * 50)
    assert chance(y) == pytest.approx(math.log(2))
    assert chance(y[:, None].astype("float32")) == pytest.approx(math.log(2))
    assert chance(np.eye(4)[np.arange(100) % 4]) == pytest.approx(math.log(4))
    assert chance(np.linspace(0.0, 1.0, 7)) is None, "no classes"
