"""Dates, numbers and quotes as people write them: read, or told what keeps them from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BadInput, Data, Objective, Source, sequences, tables
from objectives.reading import scoring
from objectives.reading.values import Numbers, Text
from objectives.reading.values import values as objectives_values
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


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


WRITTEN: dict[str, Callable[[float], str]] = {
    "percent": "{:.2f}%".format,
    "percent, apart": "{:.2f} %".format,
    "dollars": "${:,.2f}".format,
    "euros": lambda value: german(value) + " EUR",
    "euros, in front": lambda value: f"€\u00a0{german(value)}",
    "thousands": "{:,.2f}".format,
    "swiss": lambda value: f"{value:,.2f}".replace(",", "’"),
    "spaces": lambda value: f"{value:,.2f}".replace(",", "\u202f"),
    "decimal comma": lambda value: f"{value:.2f}".replace(".", ","),
    "accounts": lambda value: f"({-value:,.2f})" if value < 0 else f"{value:,.2f}",
    "minus": lambda value: f"{value:.2f}%".replace("-", "\u2212"),
}


@pytest.mark.parametrize("name", WRITTEN)
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), size=st.sampled_from([1.0, 3e3, 2e6]), gaps=st.booleans())
def test_numbers_as_people_write_them(name: str, seed: int, size: float, gaps: bool) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size / 2, size, 90), 2)
    cells = [WRITTEN[name](value) for value in values]
    if gaps:
        cells[::9] = ["?"] * 10
        values[::9] = np.nan
    found = objectives_values(pa.chunked_array([pa.array(cells)]), "income")
    assert isinstance(found, Numbers)
    np.testing.assert_allclose(found.values, values)
    if found.way is None:
        assert size == 1.0  # too small for thousands
        return
    for cell, value in zip(cells, values, strict=True):  # each row alone is read alike
        np.testing.assert_allclose(found.way.read([cell]), [value])


@pytest.mark.parametrize(
    "cells", [["12 kg", "3 lb"], ["$5", "€6"], ["1-2", "3-4"], ["A1", "B2"], ["10.1.2", "10.1.3"]]
)
def test_text_with_digits_stays_text(cells: list[str]) -> None:
    column = pa.chunked_array([pa.array(cells * 30)])
    assert isinstance(objectives_values(column, "code"), Text)


def test_a_column_says_how_it_was_read(tmp_path: Path) -> None:
    frame = people()
    frame["income"] = [f"{1234.5 + 100 * i:,.2f}" for i in range(ROWS)]
    frame.loc[7, "income"] = "unknown"
    what, why = said(load(frame, tmp_path))["income"]
    assert what == "number"
    assert "read as numbers: '1,234.50' is 1234.5, what is no number ('unknown') as missing" in why
    path = tmp_path / "table.csv"
    source = Source(path=str(path), target="churned", options={"numeric": "income"})
    assert said(load_table(source, "binary"))["income"][0] == "number"
    with pytest.raises(BadInput, match="'unknown' where numbers like"):
        load_table(Source(path=str(path), target="income"), "regression")


def test_numbers_with_a_unit_are_warned_about(tmp_path: Path) -> None:
    frame = people()
    frame["income"] = [f"{1234.5 + 100 * i:.2f} kg" for i in range(ROWS)]
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


def test_codes_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    frame = people()
    zips = np.array(["00501", "01234", "90210", "10001"])
    frame["zip"] = zips[np.arange(ROWS) % 4]
    frame.loc[: ROWS - 2, "late"] = "7"
    frame.loc[: ROWS - 2 : 3, "late"] = "8"
    frame.loc[ROWS - 1, "late"] = "007"
    for how in ("csv", "csv.gz", "parquet"):
        path = tmp_path / f"z.{how}"
        frame.to_parquet(path) if how == "parquet" else frame.to_csv(path, index=False)
        data = load_table(Source(path=str(path), target="churned"), "binary")
        what, why = said(data)["zip"]
        assert (what, "leading zeros" in why) == ("category", True)
        assert data.preprocessing is not None
        levels = {one["column"]: one["levels"] for one in data.preprocessing["categories"]}
        assert sorted(levels["zip"]) == sorted(zips)
        assert "late" in levels
        numeric = {"numeric": "zip,late"}
        forced = load_table(Source(path=str(path), target="churned", options=numeric), "binary")
        assert said(forced)["zip"][0] == "number"
    (one,) = [one for one in data.preprocessing["categories"] if one["column"] == "zip"]
    for column in (frame["zip"], frame["zip"].astype(int)):  # as pandas reads the file
        assert scoring.levels(pd.DataFrame({"zip": column}), one).tolist() == list(frame["zip"])


def test_masked_cells_are_missing() -> None:
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(size=ROWS), np.where(rng.random(ROWS) < 0.3, -999, rng.normal(size=ROWS))]
    masked = np.ma.masked_less(x, -500)
    y = np.ma.masked_array(np.arange(ROWS) % 2, mask=np.arange(ROWS) > 280)
    data = tables.from_arrays(masked, y, Source(), "binary")
    assert data.preprocessing is not None
    assert data.preprocessing["numbers"]["missing"] == [False, True]
    assert abs(data.preprocessing["numbers"]["mean"][1]) < 0.3
    assert data.shape[0] == 281
    whole = np.ma.masked_equal(rng.integers(0, 5, (ROWS, 3)), 4)
    assert tables.from_arrays(whole, y, Source(), "binary").shape[0] == 281
    series = np.ma.masked_less(rng.normal(size=(ROWS, 4, 2)), -1)
    long = sequences.from_arrays(series, y, Source())
    assert long.preprocessing is not None
    assert all(long.preprocessing["numbers"]["missing"])
    own = Objective(load=lambda source: (masked, np.arange(ROWS)), build=lambda trial: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(BadInput, match="x has masked cells"):
        own.data(Source())


def test_shares_among_percentages_are_not_taken_for_percentages(tmp_path: Path) -> None:
    frame = people()
    share = frame["income"] / 1e5
    percent = share.map("{:.2%}".format)
    frame["rate"] = percent.where(frame.index % 2 > 0, share.map("{:.4f}".format))
    assert said(load(frame, tmp_path))["rate"][0] != "number"
    frame["rate"] = percent.where(frame.index % 20 > 0, "0")
    assert said(load(frame, tmp_path))["rate"][0] == "number"


def test_a_text_that_training_did_not_have_is_no_missing_number(tmp_path: Path) -> None:
    frame = people()
    frame["income"] = frame["income"].map("${:,.0f}".format).where(frame.index % 40 > 0, "on file")
    data = load(frame, tmp_path)
    assert "what is no number ('on file') as missing" in said(data)["income"][1]
    assert data.preprocessing is not None
    (one,) = [each for each in data.preprocessing["inputs"] if each["column"] == "income"]
    read = scoring.numbers({"income": pd.Series(["$1,200", "on file", None])}, one)
    np.testing.assert_array_equal(read, [1200.0, np.nan, np.nan])
    for wrong in ("abc", "1.200,00"):
        with pytest.raises(BadInput, match=f"'{wrong}' where numbers belong as training had them"):
            scoring.numbers({"income": pd.Series(["$1,200", wrong])}, one)


def test_many_different_words_among_numbers_stay_text() -> None:
    words = [f"see note {n}" for n in range(60)]
    levels = [f"${n:,}.00" for n in range(1, 2001)]
    column = pa.chunked_array([pa.array(levels + words)])
    assert isinstance(objectives_values(column, "income"), Text)
    few = pa.chunked_array([pa.array(levels + words[:50])])
    found = objectives_values(few, "income")
    assert isinstance(found, Numbers)
    assert found.strays == tuple(words[:50])
