"""Real nets on planted data, start to end. All scenarios over 20 seeds: benchmarks/."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.planted_truth import SCENARIOS, run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rate ten times too low", "healthy"])
def test_the_planted_limit_is_found(name: str, tmp_path: Path) -> None:
    found = run(name, seed=0, folder=tmp_path)
    assert found.complete
    assert found.final.limit == SCENARIOS[name].limit
    if found.final.main is not None:
        best = max(found.final.main.evidence, key=lambda judged: judged.gain)
        assert best.p < 0.05
        assert best.difference.n >= 5
    again = run(name, seed=0, folder=tmp_path)
    assert again.summary_lines()[1:] == found.summary_lines()[1:]
    assert again.to_json()["runs"] == found.to_json()["runs"]
