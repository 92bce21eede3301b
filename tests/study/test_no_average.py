"""Where a study has no average of nets, and what is said then."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from objectives import Monitor
from sweeps.study import average


class Averages:
    def average(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"members": []}


@pytest.mark.parametrize(
    ("limits", "others", "averaged"),
    [
        ({}, (), True),
        ({"params": 100}, (), False),
        ({}, (Monitor("params", "min"),), False),
    ],
)
def test_an_average_is_not_made_where_costs_count(
    limits: Any, others: Any, averaged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [SimpleNamespace(number=number) for number in range(2)]
    trained = [SimpleNamespace(spec=trial) for trial in trials]
    monkeypatch.setattr(average, "candidates", lambda _: trials)
    monkeypatch.setattr(average, "nets", lambda *_: trained)
    sweep = SimpleNamespace(limits=limits, objective=SimpleNamespace(others=others))
    session: Any = SimpleNamespace(sweep=sweep, trainer=Averages(), folder=Path())
    found = average.chosen(session)
    assert ("members" in found) is averaged
    assert averaged or "costs count in this study" in found["reason"]
