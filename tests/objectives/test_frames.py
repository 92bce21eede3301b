"""Data frames as people have them are used, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from objectives import BadInput, Data, Source
from objectives.tables import from_arrays, load_table

ROWS = 300
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, ROWS)
X = pd.DataFrame({"a": RNG.normal(size=ROWS)})


def loaded(frame: Any, y: Any = Y, task: str = "binary") -> Data:
    return from_arrays(frame, y, Source(), task)


def roles(data: Data) -> list[str]:
    return [what for _, what, _ in data.details["columns"][1:]]


FRAMES = {
    "sparse dummies": (pd.get_dummies(pd.Series(list("abc") * 100), sparse=True), ["number"] * 3),
    "sparse numbers": (X.astype("Sparse[float]"), ["number"]),
    "intervals": (X.assign(q=pd.cut(X["a"], 4)), ["number", "category"]),
    "bare intervals": (X.assign(q=pd.cut(X["a"], 4).astype("interval")), ["number", "category"]),
    "categories of numbers": (
        X.assign(code=pd.Categorical(np.arange(ROWS) % 7 * 10)),
        ["number", "category"],
    ),
    "periods": (
        X.assign(m=pd.period_range("2020-01", periods=ROWS, freq="D")),
        ["number", "date"],
    ),
    "zones": (
        X.assign(t=pd.date_range("2020-01-01", periods=ROWS, freq="h", tz="Asia/Tokyo")),
        ["number", "date"],
    ),
    "lists": (X.assign(v=[[1, 2]] * ROWS), ["number", "left out"]),
    "mixed cells": (X.assign(m=[1, "b", 2.0] * 100), ["number", "category"]),
    "two levels of names": (pd.concat({"u": X, "v": X * 2}, axis=1), ["number"] * 2),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_used(name: str) -> None:
    frame, expected = FRAMES[name]
    data = loaded(frame)
    assert roles(data) == expected
    assert np.isfinite(data.train.x).all()


def test_a_sparse_matrix_is_used() -> None:
    matrix = sparse.csr_matrix(np.c_[X["a"], X["a"] > 0])
    assert loaded(matrix).digest == loaded(matrix.toarray()).digest


def test_labels_of_any_shape() -> None:
    wanted = loaded(X)
    named = pd.DataFrame(np.eye(2)[Y], columns=["no", "yes"])
    for y in (np.eye(2)[Y], Y[:, None], pd.DataFrame({"y": Y}), pd.Series(Y, index=Y), list(Y)):
        np.testing.assert_array_equal(loaded(X, y).train.y, wanted.train.y)
    data = loaded(X, named)
    assert data.details["classes"] == ["no", "yes"]
    np.testing.assert_array_equal(data.train.y, wanted.train.y)
    with pytest.raises(BadInput, match="frame of 2 columns"):
        loaded(X, named * 3)
    with pytest.raises(BadInput, match="y has 10 rows, the frame 300"):
        loaded(X, Y[:10])
    with pytest.raises(BadInput, match="called 'a'"):
        loaded(pd.concat([X, X], axis=1))


def test_lists_are_no_levels(tmp_path: Path) -> None:
    path = tmp_path / "l.parquet"
    pq.write_table(pa.table({"a": X["a"], "l": [[1, 2]] * ROWS, "y": Y}), path)
    for options, target in (({"categorical": "l"}, "y"), ({}, "l")):
        with pytest.raises(BadInput) as refused:
            load_table(Source(path=str(path), target=target, options=options), "binary")
        assert "list<" in str(refused.value)
        assert "\n" not in str(refused.value)
