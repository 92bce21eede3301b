"""Dates, numbers and quotes as people write them: read, or told what keeps them from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives import Data, Source
from objectives.tables import describe, load_table

ROWS = 300


def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, ROWS)
    return pd.DataFrame(
        {
            "age": age,
            "income": rng.normal(3e4, 5e3, ROWS),
            "since": pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D"),
            "churned": np.where(age + rng.normal(0, 9, ROWS) > 48, "yes", "no"),
        }
    )


def load(frame: pd.DataFrame, folder: Path) -> Data:
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return load_table(Source(path=str(path), target="churned"), "binary")


def said(data: Data) -> dict[str, tuple[str, str]]:
    return {name: (what, why) for name, what, why in describe(data)}


@pytest.mark.parametrize(
    "pattern",
    ["%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%b %d, %Y", "%d-%b-%Y", "%m/%d/%Y %I:%M %p"],
)
def test_dates_as_people_write_them(tmp_path: Path, pattern: str) -> None:
    frame = people()
    wanted = load(frame, tmp_path)
    frame["since"] = frame["since"].dt.strftime(pattern)
    data = load(frame, tmp_path)
    what, why = said(data)["since"]
    assert what == "date"
    assert f"read as {pattern}" in why
    np.testing.assert_allclose(data.train.x, wanted.train.x, atol=1e-5)


@pytest.mark.parametrize("pattern", ["%m.%d.1", "week %d", "%d:%m:%y"])
def test_what_only_resembles_a_date_is_none(tmp_path: Path, pattern: str) -> None:
    frame = people()
    frame["since"] = frame["since"].dt.strftime(pattern)
    assert said(load(frame, tmp_path))["since"][0] == "category"


def test_day_and_month_that_may_be_the_other_way_round_are_said(tmp_path: Path) -> None:
    frame = people()
    frame["since"] = [f"{i % 12 + 1}/{i % 11 + 1}/2020" for i in range(ROWS)]
    why = said(load(frame, tmp_path))["since"][1]
    assert "read as %m/%d/%Y, though %d/%m/%Y would fit as well" in why


@pytest.mark.parametrize("cell", ["${:,.2f}", "{:.2f} kg", "{:,.0f}"])
def test_numbers_that_are_not_plain_are_warned_about(tmp_path: Path, cell: str) -> None:
    frame = people()
    frame["income"] = [cell.format(1234.5 + 100 * i) for i in range(ROWS)]
    (warning,) = load(frame, tmp_path).details["warnings"]
    assert "'income'" in warning
    assert "write 1234.5" in warning


def test_a_word_among_numbers_is_warned_about(tmp_path: Path) -> None:
    frame = people()
    frame["age"] = frame["age"].astype(str).where(frame.index % 3 > 0, "n.a.")
    (warning,) = load(frame, tmp_path).details["warnings"]
    assert "'age'" in warning
    assert "'n.a.'" in warning


def test_a_last_cell_may_end_in_a_line_break(tmp_path: Path) -> None:
    frame = people()[["age", "churned"]]
    frame["note"] = [f"{'ab'[i % 2]}\nb\n" for i in range(ROWS)]
    for name in ("quoted.csv", "quoted.csv.gz"):
        frame.to_csv(tmp_path / name, index=False)
        data = load_table(Source(path=str(tmp_path / name), target="churned"), "binary")
        assert data.shape[0] == ROWS
