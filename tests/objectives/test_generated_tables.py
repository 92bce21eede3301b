"""Whatever table comes: either a refusal in one line, or finite data of the right shape."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from objectives import BadInput, Data, Source
from objectives.tables import describe, load_table

RELAXED = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8)
CELLS = {
    "whole": st.integers(-(10**20), 10**20).map(str),
    "small": st.integers(-3, 3).map(str),
    "broken": st.floats(allow_subnormal=True, width=64).map(repr),
    "tame": st.floats(-1e6, 1e6, width=32).map(repr),
    "text": TEXT,
    "level": st.sampled_from(["red", "green", " red", "NA", "?", "-"]),
    "truth": st.sampled_from(["true", "false", "True", ""]),
    "date": st.dates().map(str),
    "day": st.dates().map(lambda day: f"{day:%d.%m.%Y}"),
    "moment": st.datetimes().map(lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}"),
    "clock": st.times().map(lambda time: f"{time:%H:%M:%S}"),
    "empty": st.just(""),
    "constant": st.just("7"),
}


@st.composite
def tables(draw: Any) -> tuple[str, dict[str, Any], str]:
    """Return a CSV file's text, what is said of it, and the task."""
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=5))
    names = draw(
        st.lists(TEXT.filter(str.strip), min_size=len(kinds), max_size=len(kinds))
        if draw(st.booleans())
        else st.just([f"c{k}" for k in range(len(kinds))])
    )
    rows = draw(st.integers(3, 40))
    gaps = draw(st.sampled_from([0.0, 0.0, 0.3]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    columns = []
    for kind in kinds:
        cells = draw(st.lists(CELLS[kind], min_size=rows, max_size=rows))
        columns.append(["" if rng.random() < gaps else cell for cell in cells])
    task = draw(st.sampled_from(["binary", "multiclass", "regression"]))
    fit = {"binary": [0, 1, ""], "multiclass": ["a", "b", "c"], "regression": range(rows)}[task]
    spoken = list(draw(st.sampled_from([fit, fit, fit, ["a", "b", "a ", "c"], [1, 2], [0.5]])))
    target = [str(spoken[i % len(spoken)]) for i in range(rows)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*names, "y"])
    writer.writerows(zip(*columns, target, strict=True))
    source = {
        "seed": draw(st.integers(0, 3)),
        "time_order": draw(st.booleans()),
        "options": {"categorical": names[:1]} if draw(st.booleans()) else {},
    }
    return text.getvalue(), source, task


def check(data: Data, task: str) -> None:
    width = data.train.x.shape[1]
    for part in (data.train, data.validation, data.test):
        assert len(part) >= 1
        assert part.x.shape == (len(part.y), width)
        assert part.x.dtype == np.float32
        assert np.isfinite(part.x).all()
        assert np.isfinite(part.y).all()
        if task != "regression":
            assert part.y.min() >= 0
            assert part.y.max() < len(data.details["classes"])
    assert width >= 1
    json.dumps([data.details, data.preprocessing], allow_nan=False)
    assert all(len(row) == 3 and all(row[1:]) for row in describe(data))


def read_or_refused(source: Source, task: str) -> str:
    try:
        data = load_table(source, task)
    except BadInput as error:
        message = str(error)
    else:
        check(data, task)
        return "read"
    assert message
    assert "\n" not in message
    return "refused"


@RELAXED
@given(tables())
def test_any_table(tmp_path: Path, table: tuple[str, dict[str, Any], str]) -> None:
    text, given_source, task = table
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8", newline="")
    event(read_or_refused(Source(path=str(path), target="y", **given_source), task))


@RELAXED
@given(st.binary(max_size=300), st.sampled_from([".csv", ".tsv", ".csv.gz", ".parquet", ".npz"]))
def test_any_bytes_are_refused(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"bytes{ending}"
    path.write_bytes(content)
    with pytest.raises(BadInput) as refused:
        load_table(Source(path=str(path), target="no such column at all"), "binary")
    assert "\n" not in str(refused.value)


@RELAXED
@given(st.data())
def test_a_good_file_with_a_broken_byte(tmp_path: Path, data: st.DataObject) -> None:
    good = "a,b,y\n" + "".join(f"{i % 7}.5,{'pq'[i % 2]},{(i // 2) % 2}\n" for i in range(40))
    content = bytearray(good.encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "table.csv"
    path.write_bytes(bytes(content))
    event(read_or_refused(Source(path=str(path), target="y"), "binary"))
