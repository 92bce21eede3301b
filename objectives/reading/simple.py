"""Arrays as a user's own sweep has them: split, and otherwise left alone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Data, Part, Source
from objectives.reading import quoted
from objectives.reading.arrays import rows_of
from objectives.reading.scaling import check_distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_CLASSES = 100


def split(x: Any, y: Any, source: Source) -> Data:
    """Return the three parts of `x` (rows first) and `y`, shuffled by the source's seed.

    Whole-number labels of few kinds are split class by class, so that each part has its share.
    float64 becomes float32, as Keras computes. Raises BadInput.
    """
    for name, array in (("x", x), ("y", y)):
        if np.ma.is_masked(array):
            raise BadInput(f"{name} has masked cells, which no net reads: fill them first")
    x, y = rows_of(x, "x"), rows_of(y, "y")
    if x.ndim < 1 or y.ndim < 1 or len(x) != len(y):
        raise BadInput(f"x has the shape {x.shape} and y {y.shape}: they need equally many rows")
    if x.dtype == object and all(isinstance(cell, str) for cell in x.flat):
        x = x.astype(str)
    if x.dtype == object:
        cell = next(cell for cell in x.flat if not isinstance(cell, str))
        raise BadInput(f"x holds {quoted(cell)} among objects: give numbers, or text alone")
    if y.dtype.kind in "OUS":
        raise BadInput(f"y is {y.dtype}: give numbers, one for each class")
    if not 0.0 < source.validation + source.test < 1.0 or min(source.validation, source.test) <= 0:
        raise BadInput(
            f"shares of {source.validation:g} for validation and {source.test:g} for the test "
            "leave nothing to train on: they must be above 0 and below 1 together"
        )
    rng = np.random.default_rng(source.seed)
    kind = "shuffled"
    groups = [np.arange(len(y))]
    if y.dtype.kind in "iub" and y.size == len(y):
        classes, places = np.unique(y.ravel(), return_inverse=True)
        if len(classes) <= MOST_CLASSES:
            kind = "stratified"
            groups = [np.flatnonzero(places == k) for k in range(len(classes))]
    cut = [_cut(rng.permutation(rows), source) for rows in groups]
    if y.dtype == np.float64:
        check_distinct(y, y.astype(np.float32), "y")
    parts = []
    for rows in (rng.permutation(np.concatenate(part)) for part in zip(*cut, strict=True)):
        if not len(rows):
            raise BadInput(f"{len(y)} rows are too few for a split in three")
        parts.append(Part(_float32(x[rows]), _float32(y[rows])))
    train, validation, test = parts
    return Data(train, validation, test, source=dataclasses.replace(source, kind=kind))


def _cut(rows: Rows, source: Source) -> tuple[Rows, Rows, Rows]:
    test = round(len(rows) * source.test)
    validation = round(len(rows) * source.validation)
    return rows[test + validation :], rows[test : test + validation], rows[:test]


def _float32(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float64 else array
