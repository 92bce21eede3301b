"""Rows of unequal length as plain arrays: picked, joined, kept, told apart, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import BadInput, Data, Objective, Source
from objectives.reading.ragged import Ragged, joined
from objectives.structures import words

ROWS = st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=8)


def ragged(rows: list[list[int]]) -> Ragged:
    splits = np.cumsum([0, *map(len, rows)])
    return Ragged(np.array([value for row in rows for value in row], np.int64), splits)


def listed(found: Any) -> list[Any]:
    return [listed(row) if isinstance(row, Ragged) else row.tolist() for row in found]


@given(ROWS, st.data())
def test_rows_are_picked_as_from_a_list(rows: list[list[int]], data: st.DataObject) -> None:
    made = ragged(rows)
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6))
    assert listed(made) == rows
    assert listed(made[np.array(chosen, int)]) == [rows[place] for place in chosen]
    assert listed(made[1:3]) == rows[1:3]
    assert listed(joined([made, made[:1], made])) == [*rows, *rows[:1], *rows]
    twice = Ragged(made, np.array([0, 1, len(rows)]))  # ragged rows of ragged rows
    assert listed(twice) == [rows[:1], rows[1:]]
    assert listed(twice[[1, 0]]) == [rows[1:], rows[:1]]
    assert listed(joined([twice, twice])) == [rows[:1], rows[1:]] * 2


def of(rows: list[list[int]], **more: Any) -> Data:
    load = lambda _: ({"words": ragged(rows), "size": np.arange(len(rows))}, None)  # noqa: E731
    return Objective(load=load, build=lambda trial: None, **more).data(Source())


def test_they_are_split_kept_and_told_apart_and_y_may_be_missing(tmp_path: Path) -> None:
    rows = [[n] * (1 + n % 3) for n in range(30)]
    data = of(rows)
    for part in (data.train, data.validation, data.test):
        assert listed(part.x["words"]) == [rows[n] for n in part.x["size"]]
        assert part.y is None
    data.save(tmp_path)
    found = Data.open(tmp_path)
    assert listed(found.train.x["words"]) == listed(data.train.x["words"])
    assert found.train.y is None
    assert len(found.train) == 18
    assert words(found.train.x, "x") == 'x["words"] ragged, x["size"]'
    other = [[*row] for row in rows]
    other[7] += other[8][:1]
    other[8] = other[8][1:] or [99]
    assert len({of(rows).digest, data.digest, of(other).digest}) == 2


Y = np.arange(6) % 2
X = np.zeros((6, 2))


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (([[1, 2], [3]] * 3, Y), r"tf.ragged.constant\(x\) .* keras.utils.pad_sequences\(x\)"),
        ((np.array([[1, 2], [3]] * 3, object), Y), "x has rows of unequal length"),
        ((X, ragged([[1], [2, 3]] * 3)), "y has rows of unequal length, which no loss takes"),
        ((X, np.array(["high", "low"] * 3)), r"y is text \('high'\).*numpy.unique"),
        ((X, None, np.ones(6)), "sample_weight without y"),
        ((X, Y, np.full(6, np.nan)), "sample_weight is NaN in 6 of 6 rows"),
        ((X, Y, np.ones((6, 3))), r"sample_weight has the shape \(6, 3\) and y \(6,\)"),
        ((X, Y, {"a": np.ones(6)}), r'sample_weight has sample_weight\["a"\], and y is one'),
        ((X, np.array([None] * 6, object)), "y holds None among objects"),
        ((X[:0], Y[:0]), "x has no rows"),
        ((np.zeros(6, "datetime64[D]"), Y), r"x holds datetime64\[D\], which no net reads"),
        ((n for n in [1]), "a generator, which gives its batches only once"),
        (((X, Y), (n for n in [1])), "a generator, which gives its batches only once"),
        ((({"a": X}, Y), ({"b": X}, Y)), r'validation part has no x\["a"\]'),
        (((X, Y), (X[:4].astype(str), Y[:4]), (X, Y)), "x of the validation part is <U"),
        (((X, Y), (X, None), (X, Y)), "the validation part has no y"),
    ],
)
def test_what_no_fit_takes_is_refused_in_one_line(load: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        Objective(load=lambda _: load, build=lambda trial: None).data(Source())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("given", [[1.0, 2.0], {0: "heavy"}])
def test_weights_of_classes_are_numbers_by_class(given: Any) -> None:
    made = Objective(load=lambda _: (X, Y), build=lambda trial: None, class_weight=given)
    with pytest.raises(BadInput, match="class_weight="):
        made.data(Source())


def test_one_hot_classes_are_split_alike() -> None:
    y = np.eye(3)[[0] * 30 + [1] * 20 + [2] * 10]
    data = Objective(load=lambda _: (np.zeros((60, 1)), y), build=lambda trial: None).data(
        Source()
    )
    assert data.source.kind == "stratified"
    assert data.validation.y.sum(axis=0).tolist() == [6, 4, 2]
