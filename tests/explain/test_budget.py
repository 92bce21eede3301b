"""A budget ends an explanation, which the same call goes on with, however short it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from objectives.training import TrialSpec
from tests.explain.planted import explained, falling

CURVE = falling(lambda spec: 0.4)


def test_the_budget_ends_it_and_says_so(tmp_path: Path) -> None:
    now = [0.0]

    def slow(spec: TrialSpec, epoch: int) -> float:
        now[0] += 0.01  # as long as the script says that an epoch takes
        return CURVE(spec, epoch)

    def clock() -> float:
        return now[0]

    found = explained(slow, tmp_path, budget=10.0, clock=clock)
    assert not found.complete
    assert now[0] <= 11.1
    assert "budget" in found.summary_lines()[-1]
    assert found.final.limit == "undecided"
    now[0] = 0.0
    more = explained(slow, tmp_path, budget=1000.0, clock=clock)
    assert more.complete
    assert sum(len(r) for _, r in more.runs) > sum(len(r) for _, r in found.runs)


@pytest.mark.parametrize("budget", [0.0, 0.3])
def test_a_budget_shorter_than_a_run_goes_on_all_the_same(budget: float, tmp_path: Path) -> None:
    now = [0.0]

    def slow(spec: TrialSpec, epoch: int) -> float:
        now[0] += 0.01  # a run of the reference takes 0.6
        return CURVE(spec, epoch)

    counts, said = [], list[str]()
    for _ in range(4):
        found = explained(slow, tmp_path, budget=budget, clock=lambda: now[0], say=said.append)
        assert not found.complete
        assert found.final.limit == "undecided"
        assert "run the same command to continue" in found.summary_lines()[-1]
        counts.append(sum(len(runs) for _, runs in found.runs))
    assert counts == [2, 3, 4, 5], "the two that are needed, then one per call"
    ended = [line for line in said if line.startswith("[")]
    assert len(ended) == 5
    assert all("over the budget" in line for line in ended)
