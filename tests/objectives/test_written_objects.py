"""Intervals, UUIDs and Arrow's text mean the same however a request or a frame has them."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from objectives import BadInput, Source
from objectives.reading import scoring
from objectives.reading.written_objects import alike
from objectives.tables import from_arrays

ROWS = 200
UUIDS = [str(uuid.UUID(int=0xABCDEF << 90 | n)) for n in range(4)]


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "span": pd.cut(rng.uniform(0, 10, ROWS), [-1, 2, 5.5, 11]),
            "left": pd.cut(rng.uniform(0, 10, ROWS), [0, 5, 10], right=False),
            "device": [uuid.UUID(UUIDS[n]) for n in rng.integers(0, 4, ROWS)],
            "price": rng.normal(size=ROWS),
        }
    )


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    data = from_arrays(frame(), np.arange(ROWS) % 2, Source(), "binary")
    assert data.preprocessing is not None
    found = data.preprocessing["categories"] + data.preprocessing["inputs"]
    return {one["column"]: one for one in found}


def levels(plan: dict[str, Any], rows: pd.DataFrame, name: str) -> list[str]:
    return list(scoring.levels(scoring.named(rows), plan[name]))


@pytest.mark.parametrize("orient", ["records", "split"])
@pytest.mark.parametrize("rows", [1, 30])
@pytest.mark.parametrize("handler", [None, str])
def test_intervals_as_pandas_writes_json(
    orient: Any, rows: int, handler: Any, plan: dict[str, Any]
) -> None:
    given = frame()[["span", "left"]].head(rows)
    text = given.astype(object).to_json(orient=orient, default_handler=handler)
    read = json.loads(text)
    sent = (
        pd.DataFrame(read)
        if orient == "records"
        else pd.read_json(io.StringIO(text), orient="split")
    )
    for name in given:
        assert levels(plan, sent, name) == given[name].astype(str).tolist()
        assert set(levels(plan, sent, name)) <= set(plan[name]["levels"])


def test_intervals_and_uuids_as_people_write_them(plan: dict[str, Any]) -> None:
    spans = {"(2, 5.5]": "(2.0, 5.5]", "( 2.0,5.50 ]": "(2.0, 5.5]", "[2.0, 5.5]": "[2.0, 5.5]"}
    sent = pd.DataFrame({"span": list(spans)})
    assert levels(plan, sent, "span") == list(spans.values())
    one = uuid.UUID(UUIDS[2])
    written = [str(one).upper(), one.hex, one.urn, f"{{{one}}}", one, "another"]
    found = levels(plan, pd.DataFrame({"device": written}), "device")
    assert found == [UUIDS[2]] * 5 + ["another"]


def test_levels_of_another_kind_are_left_alone() -> None:
    given = ["(1,2]", UUIDS[0].upper()]
    for known in ([], ["(1, 2]", "red"], [UUIDS[0], "red"], ["(1, 2]", "(1.0, 2]"]):
        assert alike(given, known) == given


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.string()])
def test_arrow_text_is_text_in_training_and_scoring(kind: Any, plan: dict[str, Any]) -> None:
    typed = frame().astype(str).astype(pd.ArrowDtype(kind))
    for name in ("span", "left", "device"):
        assert levels(plan, typed, name) == frame()[name].astype(str).tolist()
    read = scoring.numbers(scoring.named(typed), plan["price"])
    np.testing.assert_allclose(read, frame()["price"])
    data = from_arrays(typed, np.arange(ROWS) % 2, Source(), "binary")
    assert [line[1] for line in data.details["columns"][1:]] == ["category"] * 3 + ["number"]


def test_a_decimal_comma_where_training_had_points_is_refused(plan: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"'0,5' where numbers belong .* with decimal points"):
        scoring.numbers(scoring.named(pd.DataFrame({"price": ["0,5"]})), plan["price"])
