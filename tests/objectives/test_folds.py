"""Folds share no row, hold what each needs, and are encoded by their own training rows alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BadInput, Data, Objective, Part, Source
from objectives.reading import simple
from objectives.reading.splits import check, parts
from objectives.sequences import from_arrays as sequences
from objectives.tables import from_arrays as table
from objectives.tables import load_table
from sweeps.cli.source import few_text

SEEDS = st.integers(0, 1000)
FOLDS = st.integers(2, 6)


def partition(found: list[tuple[np.ndarray, ...]], rows: int) -> None:
    """Each row is a test row, or is validated once and trained on in all other folds."""
    (rest, none, test), *folds = found
    assert not len(none)
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, test])), np.arange(rows))
    validated = np.concatenate([held for _, held, _ in folds])
    np.testing.assert_array_equal(np.sort(validated), np.sort(rest))
    for fitted, held, apart in folds:
        assert len(held)
        np.testing.assert_array_equal(np.sort(np.concatenate([fitted, held])), np.sort(rest))
        np.testing.assert_array_equal(apart, test)


@settings(deadline=None)
@given(st.lists(st.integers(10, 60), min_size=2, max_size=4), FOLDS, SEEDS)
def test_each_class_and_all_rows_are_dealt_evenly(sizes: list[int], count: int, seed: int) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    classes = [f"c{k}" for k in range(len(sizes))]
    found = parts(y, Source(folds=count, seed=seed), classes)
    partition(found, len(y))
    held = [fold[1] for fold in found[1:]]
    for counts in (
        list(map(len, held)),
        *([int((y[h] == k).sum()) for h in held] for k in (0, 1)),
    ):
        assert max(counts) - min(counts) <= 1
    again = parts(y, Source(folds=count, seed=seed), classes)
    assert all(
        np.array_equal(a, b)
        for one, two in zip(found, again, strict=True)
        for a, b in zip(one, two, strict=True)
    )


@settings(deadline=None)
@given(st.integers(30, 120), FOLDS, SEEDS)
def test_numbers_are_dealt_in_bands(rows: int, count: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=rows) ** 3
    found = parts(y, Source(folds=count, seed=seed), [])
    partition(found, rows)
    sizes = [len(held) for _, held, _ in found[1:]]
    assert max(sizes) - min(sizes) <= 1


@settings(deadline=None)
@given(st.integers(20, 40), FOLDS, SEEDS)
def test_groups_stay_whole(groups: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    of = np.concatenate([np.arange(groups), rng.integers(0, groups, 200)])
    found = parts(rng.normal(size=len(of)), Source(group="g", folds=count, seed=seed), [], of)
    partition(found, len(of))
    for fitted, held, test in found[1:]:
        assert not set(of[fitted]) & set(of[held])
        assert not set(of[held]) & set(of[test])


def test_the_test_part_is_that_of_the_split_without_folds() -> None:
    y = np.arange(90) % 3
    ((_, _, test),) = parts(y, Source(), ["a", "b", "c"])
    assert np.array_equal(parts(y, Source(folds=3), ["a", "b", "c"])[0][2], test)


def frame(rows: int = 90) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    kinds = rng.choice(["red", "green", "blue"], rows)
    x = pd.DataFrame({"size": rng.normal(5.0, 2.0, rows), "kind": kinds})
    x.loc[rng.choice(rows, 8, replace=False), "size"] = np.nan
    return x, (x["size"].fillna(5).to_numpy() + rng.normal(size=rows) > 5).astype(int)


def with_odd_validation(place: int) -> tuple[Data, Data]:
    """Return the data of a frame, and those where the validation rows of a fold are others."""
    source = Source(folds=3)
    x, y = frame()
    before = table(x, y, source, "binary")
    # Which rows they are, a further column tells.
    marked = x.assign(mark=np.arange(len(x), dtype=float) ** 1.01)
    known = table(marked, y, source, "binary").folds[place]
    plain = known.preprocessing or {}
    column = [one["input"] for one in plain["inputs"]].index("mark")
    mean, variance = (plain["numbers"][key][column] for key in ("mean", "variance"))
    marks = known.validation.x[:, column] * np.sqrt(variance) + mean
    rows = np.array([np.abs(marked["mark"] - mark).argmin() for mark in marks])
    assert len(np.unique(rows)) == len(before.folds[place].validation)
    odd = x.copy()
    odd.loc[rows, "size"] = 1e4
    odd.loc[rows, "kind"] = "black"
    return before, table(odd, y, source, "binary")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_preprocessing_never_sees_the_validation_rows_of_its_fold(place: int) -> None:
    before, after = with_odd_validation(place)
    one, other = before.folds[place], after.folds[place]
    assert one.preprocessing == other.preprocessing
    assert np.array_equal(one.train.x, other.train.x)
    assert np.array_equal(one.test.x, other.test.x)
    assert not np.array_equal(one.validation.x, other.validation.x)
    for k, (a, b) in enumerate(zip(before.folds, after.folds, strict=True)):
        assert (a.preprocessing == b.preprocessing) == (k == place)  # others train on those rows


def test_a_column_that_one_fold_leaves_out_is_an_input_all_the_same() -> None:
    x, y = frame()
    spread = table(x, y, Source(folds=3), "binary").folds[0]
    rare = np.zeros(len(x))
    # Constant but for one row: left out where that row is not trained on.
    for row in range(len(x)):
        rare[:] = 0.0
        rare[row] = 1.0
        data = table(x.assign(rare=rare), y, Source(folds=3), "binary")
        has = [
            "rare" in {one["input"] for one in (fold.preprocessing or {})["inputs"]}
            for fold in data.folds
        ]
        if not all(has) and any(has):
            break
    else:
        pytest.fail("no row is validated")
    whole = data.preprocessing or {}
    assert [one["input"] for one in whole["inputs"]] == ["size", "rare"]
    assert {len(values) for values in whole["numbers"].values()} == {2}
    assert spread.train.x.shape[1] < data.folds[has.index(True)].train.x.shape[1]


@pytest.mark.parametrize("way", ["frame", "matrix", "sequences", "arrays"])
def test_data_in_folds_come_back_from_the_disk(way: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    source = Source(folds=3)
    data = {
        "frame": lambda: table(*frame(), source, "binary"),
        "matrix": lambda: table(rng.normal(size=(60, 3)), y, source, "binary"),
        "sequences": lambda: sequences(rng.normal(size=(60, 4, 2)), y, source),
        "arrays": lambda: simple.split({"a": rng.normal(size=(60, 2))}, y, source),
    }[way]()
    data.save(tmp_path)
    again = Data.open(tmp_path)
    assert len(again.folds) == 3
    assert again.digest == data.digest
    assert again.source.split == data.source.split == {**data.source.split, "folds": 3}
    assert "validation" not in data.source.split
    assert len(again.validation) == 0
    for one, other in zip(data.folds, again.folds, strict=True):
        assert one.digest == other.digest
        assert one.preprocessing == other.preprocessing
    assert data.trained_on == len(data.folds[0].train) < len(data.train)


def test_other_folds_are_other_data() -> None:
    x, y = np.arange(120.0).reshape(60, 2), np.arange(60) % 2
    digests = {simple.split(x, y, Source(folds=k)).digest for k in (0, 2, 3, 4)}
    assert len(digests) == 4


def test_class_weights_reach_every_fold() -> None:
    x, y = np.arange(120.0).reshape(60, 2), np.arange(60) % 2
    for load in (lambda _: (x, y), lambda source: simple.split(x, y, source)):
        objective = Objective(load=load, build=lambda trial: None, class_weight={1: 2.0})
        data = objective.data(Source(folds=3))
        assert [fold.class_weight for fold in data.folds] == [{1: 2.0}] * 3


PART = (np.ones((9, 2)), np.arange(9) % 2)


@pytest.mark.parametrize(
    ("load", "source", "says"),
    [
        (lambda _: PART, Source(folds=7), "--folds 7: 3 rows of class '1' outside the test set"),
        (lambda _: (PART[0], PART[0][:, 0] + np.arange(9)), Source(folds=8), "--folds 8: 7 rows"),
        (lambda _: (PART, PART), Source(folds=3), "--folds 3: .* validation part of their own"),
        (lambda _: (PART, PART, PART), Source(folds=3), "--folds 3: .* of their own"),
        (lambda _: Data(PART, PART, PART), Source(folds=3), "--folds 3: .* of their own"),
        (lambda _: PART, Source(folds=1), "--folds 1: give 2 or more"),
        (lambda _: PART, Source(folds=-2), "--folds -2: give 2 or more"),
    ],
)
def test_what_cannot_be_divided_is_refused(load: Any, source: Source, says: str) -> None:
    objective = Objective(load=load, build=lambda trial: None)
    with pytest.raises(BadInput, match=says):
        objective.data(source)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"time_order": True}, "--folds 3 and --time-order"),
        ({"validation": 0.3}, "--validation 0.3 and --folds 3"),
        ({"folds": 200}, "--folds 200: .* rows of class .* outside the test set"),
    ],
)
def test_a_table_says_what_folds_cannot_be(changes: dict[str, Any], says: str) -> None:
    source = dataclasses.replace(Source(folds=3), **changes)
    with pytest.raises(BadInput, match=says):
        table(*frame(), source, "binary")


def test_more_folds_than_groups_are_refused() -> None:
    x, y = frame()
    with pytest.raises(BadInput, match="--folds 9: --group 'g' has"):
        table(x, y, Source(group="g", folds=9), "binary", np.arange(len(x)) % 8)


def test_a_fold_is_a_part_like_any_other() -> None:
    data = simple.split(np.ones((30, 2)), np.arange(30) % 2, Source(folds=3))
    assert all(isinstance(fold.validation, Part) and not fold.folds for fold in data.folds)


@pytest.mark.parametrize(
    ("rows", "source", "says"),
    [
        (400, Source(), True),
        (400, Source(group="g"), True),
        (400, Source(folds=5), False),
        (400, Source(time_order=True), False),  # where folds are refused
        (600, Source(), False),
    ],
)
def test_few_validation_rows_are_a_reason_for_folds(
    rows: int, source: Source, says: bool, tmp_path: Path
) -> None:
    frame = pd.DataFrame({"g": np.arange(rows) // 4, "x": np.arange(rows) % 7})
    frame["y"] = np.random.default_rng(0).integers(0, 2, rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    given = dataclasses.replace(source, path=str(tmp_path / "t.csv"), target="y")
    data = load_table(given, "binary")
    line = "".join(few_text(data))
    assert (f"all {len(data.train) + len(data.validation)} rows" in line) == says
    if says:
        assert f"{len(data.validation)} validation rows" in line


@pytest.mark.parametrize("share", [0.2, 0.75, 0.85])
def test_the_test_share_is_what_was_asked_for(share: float) -> None:
    y = np.random.default_rng(0).integers(0, 2, 1000)
    source = Source(test=share, folds=5)
    check(source)
    rest, _, test = parts(y, source, ["a", "b"])[0]
    assert abs(len(test) - 1000 * share) <= 2
    assert len(rest) + len(test) == 1000
    data = simple.split(np.arange(1000.0).reshape(-1, 1), y, source)
    assert abs(len(data.test) - 1000 * share) <= 2


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match=r"--validation 0\.2 and --test 0\.85: less than a tenth"):
        check(Source(test=0.85))
    with pytest.raises(BadInput, match=r"^--test 0\.95: less than a tenth"):
        check(Source(test=0.95, folds=5))


def test_built_in_data_are_no_reason_for_folds() -> None:
    from objectives.dense_regression import DENSE_REGRESSION

    data = DENSE_REGRESSION.data(Source())
    assert len(data.validation) < 100
    assert few_text(data) == []
