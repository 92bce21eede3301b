"""The benchmark of search quality judges on tables that the portfolio was not chosen on."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import portfolio
from benchmarks.search_quality.ratios import losses, show
from benchmarks.search_quality.tables import TABLES


def test_no_table_of_the_portfolio_counts_as_new() -> None:
    chosen_on = {name: arrays[0] for name, _, arrays in portfolio.tables()}
    for name, table in TABLES.items():
        if table.seen:
            assert table.make is None or name in chosen_on
        elif table.make is not None and table.missing is None:
            x = table.make()[0]
            assert name not in chosen_on
            same = (one for one in chosen_on.values() if np.shape(one) == np.shape(x))
            assert not any(np.array_equal(one, x) for one in same)


def test_a_ratio_is_the_geometric_mean_over_tables(capsys: pytest.CaptureFixture[str]) -> None:
    kept = []
    for table, mine in (("stepped", 0.5), ("roll", 2.0), ("digits", 0.1)):
        for seed in range(2):
            at = {"table": table, "seed": seed}
            found = {"default": {"exported": mine}}
            kept.append({**at, "run": "default", "budget": "20t", "found": found})
            found = {"untuned net": {"exported": 1.0}}
            kept.append({**at, "run": "untuned", "budget": "60s", "found": found})
    assert losses(kept, "20t", ())[("roll", 0)] == {("default", "exported"): 2.0}
    show([one for one in kept if one["budget"] == "20t"] + kept[1::2], ("untuned",))
    lines = [line for line in capsys.readouterr().out.splitlines() if "/ untuned net" in line]
    assert "1.000" in lines[0]
    assert "2 tables, 1 better, 1 worse" in lines[0]
    assert "0.100 [0.100, 0.100]" in lines[1]
