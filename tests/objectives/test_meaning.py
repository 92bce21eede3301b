"""The level that a cell means, whichever way its frame was read."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from objectives import BadInput, Source
from objectives.reading import scoring
from objectives.reading.values import Numbers, values
from objectives.tables import load_table

ROWS = 60
DAY = dt.datetime(2020, 1, 3)
COLUMNS: dict[str, pa.Array] = {
    "whole": pa.array([i % 3 for i in range(ROWS)]),
    "gaps": pa.array([None if i % 5 == 0 else i % 3 for i in range(ROWS)]),
    "minus zero": pa.array([[-0.0, 1.0][i % 2] for i in range(ROWS)]),
    "broken": pa.array([[0.1, 2.5, 3.0][i % 3] for i in range(ROWS)]),
    "float32": pa.array([[0.1, 0.2, 3.0][i % 3] for i in range(ROWS)], pa.float32()),
    "decimal": pa.array([i % 3 for i in range(ROWS)]).cast(pa.decimal128(30, 2)),
    "truth": pa.array([[True, False, None][i % 3] for i in range(ROWS)]),
    "day": pa.array([DAY.date() + dt.timedelta(i % 3) for i in range(ROWS)]),
    "moment": pa.array([DAY + dt.timedelta(hours=i % 3) for i in range(ROWS)], pa.timestamp("s")),
    "zone": pa.array(
        [DAY + dt.timedelta(hours=i % 3) for i in range(ROWS)], pa.timestamp("us", "Asia/Tokyo")
    ),
    "time": pa.array([dt.time(8 + i % 3, 30) for i in range(ROWS)], pa.time32("s")),
    "duration": pa.array([dt.timedelta(minutes=i % 3) for i in range(ROWS)], pa.duration("ms")),
    "view": pa.array(["pq"[i % 2] for i in range(ROWS)], pa.string_view()),
}


def category(table: pa.Table, folder: Path) -> dict[str, Any]:
    path = folder / "t.parquet"
    pa.parquet.write_table(table.append_column("y", pa.array(np.arange(ROWS) % 2)), path)
    source = Source(path=str(path), target="y", options={"categorical": "c"})
    plain = load_table(source, "binary").preprocessing
    assert plain is not None
    (one,) = plain["categories"]
    return dict(one)


def frames(table: pa.Table) -> dict[str, pd.DataFrame]:
    frame = table.to_pandas()
    text = frame.to_csv(index=False)
    found = {
        "as it is": frame.copy(),
        "by pandas": pd.read_csv(io.StringIO(text)),
        "as text": pd.read_csv(io.StringIO(text), dtype=str),
        "as objects": frame.astype(object),
    }
    kind = table["c"].type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        frame["c"] = pd.to_datetime(frame["c"])
        found["parsed"] = frame
    if not pa.types.is_time(kind) and not pa.types.is_decimal(kind):
        for way in ("iso", "epoch"):
            json = frame.to_json(orient="records", date_format=way, date_unit="ms")
            found[way] = pd.read_json(io.StringIO(json), dtype=False)
    return found


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_a_level_is_known_however_its_frame_was_read(tmp_path: Path, name: str) -> None:
    table = pa.table({"c": COLUMNS[name]})
    one = category(table, tmp_path)
    wanted = scoring.levels({"c": table.to_pandas()["c"]}, one).tolist()
    assert set(wanted) == set(one["levels"])
    for way, frame in frames(table).items():
        assert scoring.levels({"c": frame["c"]}, one).tolist() == wanted, way


def test_a_number_that_may_be_several_levels_is_refused(tmp_path: Path) -> None:
    text = pa.array([["01", "1", "2"][i % 3] for i in range(ROWS)])
    one = category(pa.table({"c": text}), tmp_path)
    assert scoring.levels({"c": pd.Series([2, 3])}, one).tolist() == ["2", "3"]
    assert scoring.levels({"c": pd.Series(["1", "01"])}, one).tolist() == ["1", "01"]
    with pytest.raises(BadInput, match="holds 1, which may be any of 01, 1: give it as text"):
        scoring.levels({"c": pd.Series([2, 1])}, one)
    mixed = pa.array([["1", "true", "a"][i % 3] for i in range(ROWS)])
    one = category(pa.table({"c": mixed}), tmp_path)
    assert scoring.levels({"c": pd.Series([1])}, one).tolist() == ["1"]
    assert scoring.levels({"c": pd.Series([True])}, one).tolist() == ["true"]
    large = pa.array([2**60 + i % 3 for i in range(ROWS)])
    one = category(pa.table({"c": large}), tmp_path)
    assert scoring.levels({"c": pd.Series([2**60 + 2])}, one).tolist() == [str(2**60 + 2)]
    with pytest.raises(BadInput, match="may be any of"):  # as pandas has it beside missing cells
        scoring.levels({"c": pd.Series([2.0**60, None])}, one)


def test_dates_where_training_had_other_text_are_refused(tmp_path: Path) -> None:
    text = pa.array([f"0{1 + i % 3}.01.2020" for i in range(ROWS)])
    one = category(pa.table({"c": text}), tmp_path)
    with pytest.raises(BadInput, match=r"where levels like '0\d.01.2020' belong"):
        scoring.levels({"c": pd.Series([pd.Timestamp("2020-01-01")])}, one)


def test_hexadecimal_numbers_of_a_file_are_numbers_in_a_frame() -> None:
    read = scoring.numbers({"c": pd.Series(["0x1F", "0X0a", "12"])}, {"column": "c"})
    assert read.tolist() == [31.0, 10.0, 12.0]
    with pytest.raises(BadInput, match="'0xg' where numbers belong"):
        scoring.numbers({"c": pd.Series(["0xg"])}, {"column": "c"})


def test_views_of_text_are_text() -> None:
    cells = pa.array([f"{i}.5" for i in range(ROWS)], pa.string_view())
    found = values(pa.chunked_array([cells]), "c")
    assert isinstance(found, Numbers)
    np.testing.assert_array_equal(found.values, np.arange(ROWS) + 0.5)
