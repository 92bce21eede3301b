"""Three parts that share no row, hold what each needs, and are drawn by the seed alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BadInput, Source
from objectives.reading import simple
from objectives.reading.splits import split
from objectives.sequences import from_arrays
from objectives.tables import from_arrays as table

SHARES = st.sampled_from([0.1, 0.2, 0.3, 0.4])
SEEDS = st.integers(0, 1000)


@st.composite
def labelled(draw: Any) -> tuple[np.ndarray, list[str]]:
    classes = draw(st.integers(2, 5))
    sizes = draw(st.lists(st.integers(3, 60), min_size=classes, max_size=classes))
    y = np.repeat(np.arange(classes), sizes)
    return np.random.default_rng(draw(SEEDS)).permutation(y), [f"c{k}" for k in range(classes)]


def whole(parts: tuple[np.ndarray, ...], rows: int) -> None:
    """Every row is in one part, and no part is empty."""
    assert all(len(part) for part in parts)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(rows))


@settings(deadline=None)
@given(labelled(), SHARES, SHARES, SEEDS)
def test_each_class_is_in_each_part_by_its_share(
    data: tuple[np.ndarray, list[str]], validation: float, test: float, seed: int
) -> None:
    y, classes = data
    parts = split(y, Source(validation=validation, test=test, seed=seed), classes)
    whole(parts, len(y))
    for label in range(len(classes)):
        held = [int((y[part] == label).sum()) for part in parts]
        assert min(held) >= 1
        assert abs(held[1] - validation * sum(held)) <= 1.5
        assert abs(held[2] - test * sum(held)) <= 1.5


@settings(deadline=None)
@given(st.integers(3, 200), SHARES, SEEDS)
def test_numbers_are_split_in_bands(rows: int, test: float, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=rows) ** 3
    parts = split(y, Source(test=test, seed=seed), [])
    whole(parts, rows)
    if rows >= 60:  # the top tenth is not all on one side
        top = set(np.argsort(y)[-(rows // 10) * 2 :].tolist())
        assert all(top & set(part.tolist()) for part in parts)


@settings(deadline=None)
@given(st.lists(st.integers(1, 12), min_size=3, max_size=40), SHARES, SEEDS)
def test_no_group_is_on_both_sides(sizes: list[int], test: float, seed: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    y = np.random.default_rng(seed).normal(size=len(groups))
    parts = split(y, Source(test=test, seed=seed, group="g"), [], groups)
    whole(parts, len(y))
    held = [set(groups[part].tolist()) for part in parts]
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]


def test_groups_come_near_the_shares_with_both_classes_in_each_part() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 60, 3000)
    y = (rng.random(60)[groups] > 0.7).astype(int)
    parts = split(y, Source(group="g"), ["a", "b"], groups)
    for part, share in zip(parts, (0.6, 0.2, 0.2), strict=True):
        assert abs(len(part) / 3000 - share) < 0.03
        assert abs(y[part].mean() - y.mean()) < 0.06


@settings(deadline=None)
@given(st.integers(3, 300), SHARES, SHARES)
def test_time_is_cut_in_order(rows: int, validation: float, test: float) -> None:
    source = Source(validation=validation, test=test, time_order=True)
    parts = split(np.linspace(0.0, 1.0, rows), source, [])
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(rows))
    assert abs(len(parts[2]) - test * rows) <= 1.5


@settings(deadline=None, max_examples=10)
@given(SEEDS)
def test_the_seed_alone_decides(seed: int) -> None:
    y = np.arange(300) % 2
    first, again = (split(y, Source(seed=seed), ["a", "b"]) for _ in range(2))
    other = split(y, Source(seed=seed + 1), ["a", "b"])
    assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))
    assert not np.array_equal(first[2], other[2])


def test_a_class_that_training_lacks() -> None:
    y = np.array([0] * 30 + [1] * 30)
    with pytest.raises(BadInput, match="no row of class late"):
        split(y, Source(time_order=True, validation=0.3, test=0.3), ["early", "late"])


@pytest.mark.parametrize(
    ("x", "says"),
    [
        ([[1.0, 2.0], [3.0]], r"shapes \(2,\), \(1,\)"),
        ((np.zeros((6, 4)), np.zeros((6, 2))), r"shapes \(6, 4\), \(6, 2\)"),
        ([[[1, 2], [3]], [[1], [2]]], "of several lengths"),
        ({"a": np.zeros(6)}, "x is a dict"),
        (np.zeros((5, 2)), "equally many rows"),
    ],
)
def test_what_is_no_array_of_rows_is_refused_with_its_shapes(x: Any, says: str) -> None:
    if isinstance(x, list | np.ndarray):  # a dict and a tuple of arrays are several inputs there
        with pytest.raises(BadInput, match=f"{says}|rows of unequal length"):
            simple.split(x, np.zeros(6), Source())
    if not isinstance(x, np.ndarray):
        for read in (
            lambda: from_arrays(x, [0, 1], Source()),
            lambda: table(x, [0, 1], Source(), "binary"),
        ):
            with pytest.raises(BadInput, match=says.replace("x is", "X is")):
                read()


def test_texts_of_any_kind_are_taken() -> None:
    texts = np.array([f"word {n}" for n in range(40)])
    wanted = simple.split(texts, np.arange(40) % 2, Source())
    for x in (texts.astype(object), list(texts)):
        found = simple.split(x, np.arange(40) % 2, Source())
        assert found.digest == wanted.digest
        assert found.train.x.dtype.kind == "U"
    with pytest.raises(BadInput, match="x holds 3 among objects: give numbers, or text alone"):
        simple.split(np.array([*texts[:39], 3], object), np.arange(40) % 2, Source())
