"""Arrays as a user's own sweep has them: split, and otherwise left alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Data, Part, Source
from objectives.data import OWN_VALIDATION
from objectives.reading import counted, listing
from objectives.reading.parts import check_rows, check_weights, structures
from objectives.reading.scaling import check_distinct
from objectives.reading.splits import cut_by, divided
from objectives.structures import mapped, named, nested, rows, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

MOST_CLASSES = 100


def split(
    x: Any,
    y: Any,
    source: Source,
    sample_weight: Any = None,
    *,
    stratify: str | bool | None = None,
    class_weight: Any = None,
) -> Data:
    """Return the three parts of `x` (rows first) and `y`, shuffled by the source's seed.

    Whole-number labels of few kinds are split class by class, so that each part has its share,
    and so has each fold, if the source asks for folds. float64 becomes float32, as Keras computes.

    Args:
        x: An array, or a dict, list or tuple of arrays, nested or not.
        y: As x.
        source: Where they come from, with the shares and the seed of the split.
        sample_weight: One for all outputs, or one for each of y's arrays, or None.
        stratify: The output whose classes are split alike; None: the first that holds classes;
            False: all rows at random.
        class_weight: As in `Data`.

    Raises:
        BadInput: For what is no such structure, with the names of what does not fit.
    """
    found = structures(x, y, sample_weight)
    check_rows(*found)
    check_weights(found[1], found[2], class_weight)
    if sum(source.shares.values()) >= 1.0 or min(source.shares.values()) <= 0:
        said = " and ".join(f"{share:g} for {name}" for name, share in source.shares.items())
        raise BadInput(
            f"shares of {said} leave nothing to train on: they must be above 0 and below 1 "
            "together"
        )
    _check_floats(found[1])
    kind, groups, classes = _groups(found[1], rows(found[0]), stratify)
    shares = cut_by(source, fits=source.validation + source.test < 1.0)
    test, validation, train = _cut(groups, shares[::-1], source.seed)
    data = partial(Data, source=dataclasses.replace(source, kind=kind), class_weight=class_weight)
    part = partial(_taken, found)
    if not source.folds:
        return data(part(train), part(validation), part(test))
    rest = np.concatenate([train, validation])
    labels = np.empty(len(rest) + len(test), np.int64)
    for label, group in enumerate(groups):
        labels[group] = label
    folds = tuple(
        data(part(fitted), part(held), part(test))
        for fitted, held in divided(rest, labels, source, classes)
    )
    return data(part(rest), part(rest[:0]), part(test), folds=folds)


def with_validation(
    train: tuple[Any, ...],
    validation: tuple[Any, ...],
    source: Source,
    *,
    stratify: str | bool | None = None,
    class_weight: Any = None,
) -> Data:
    """Return data with the user's own validation part; the test part is cut off the training part.

    train, validation: (x, y) or (x, y, sample_weight). Raises BadInput as `split` does.
    """
    if not 0.0 < source.test < 1.0:
        raise BadInput(f"a share of {source.test:g} for the test: give one above 0 and below 1")
    found, own = structures(*train), structures(*validation)
    check_rows(*found, prefix="train: ")
    check_rows(*own, prefix="validation: ")
    check_weights(found[1], found[2], class_weight)
    _check_floats(found[1])
    _, groups, _ = _groups(found[1], rows(found[0]), stratify)
    test, kept = (_taken(found, rows) for rows in _cut(groups, (source.test,), source.seed))
    source = dataclasses.replace(source, kind=OWN_VALIDATION)
    return Data(kept, part_of(own), test, source=source, class_weight=class_weight)


def _check_floats(y: Any) -> None:
    for name, array in [] if y is None else named(y, "y"):
        if array.dtype == np.float64:
            check_distinct(array, array.astype(np.float32), name)


def part_of(found: tuple[Any, Any, Any]) -> Part:
    """Return a part of cleaned structures, float64 as float32."""
    x, y, weight = (None if one is None else mapped(_float32, one) for one in found)
    return Part(x, y, weight)


def _groups(y: Any, total: int, stratify: str | bool | None) -> tuple[str, list[Rows], list[str]]:
    """Return the name of the way to split, the rows that are split alike, and their classes."""
    for name, array in [] if stratify is False else outputs_of(y, stratify):
        if (labels := _labels(array)) is not None:
            classes, places = np.unique(labels, return_inverse=True)
            if len(classes) <= MOST_CLASSES:
                kind = f"stratified by {name}" if nested(y) else "stratified"
                groups = [np.flatnonzero(places == k) for k in range(len(classes))]
                return kind, groups, list(map(str, classes))
        if isinstance(stratify, str):
            raise BadInput(
                f"stratify={stratify!r}: {name} is {array.dtype} of the shape {array.shape}, and "
                "neither one whole number a row nor one column of 0 and 1 for each class, of at "
                f"most {MOST_CLASSES} classes; "
                "stratify=False splits at random"
            )
    return "shuffled", [np.arange(total)], []


def _labels(array: NDArray[Any]) -> NDArray[Any] | None:
    """Return each row's class: one whole number, or the place of the 1 in a row of zeros."""
    if array.dtype.kind in "iub" and array.size == len(array):
        return array.ravel()
    if array.ndim == 2 and 1 < array.shape[1] <= MOST_CLASSES and array.dtype.kind in "iubf":
        ones = array == 1
        if (ones | (array == 0)).all() and (ones.sum(axis=1) == 1).all():
            places: NDArray[Any] = ones.argmax(axis=1)
            return places
    return None


def outputs_of(y: Any, stratify: str | bool | None) -> list[tuple[str, NDArray[Any]]]:
    """Return the outputs whose classes may be split alike."""
    found = [] if y is None else named(y, "y")
    if not isinstance(stratify, str):
        return found
    known = (stratify, f'y["{stratify}"]', f"y[{stratify}]")
    chosen = [(name, array) for name, array in found if name in known]
    if not chosen:
        there = listing(name for name, _ in found)
        raise BadInput(f"stratify={stratify!r}: there is no such output; there are: {there}")
    return chosen


def _taken(found: tuple[Any, Any, Any], rows: Rows) -> Part:
    """Return the part of some rows."""
    return part_of(tuple(None if one is None else taken(one, rows) for one in found))  # type: ignore[arg-type]


def _cut(groups: list[Rows], shares: tuple[float, ...], seed: int) -> Iterator[Rows]:
    """Yield the rows of each share of every group, and what is left."""
    rng = np.random.default_rng(seed)
    total = sum(map(len, groups))
    cut = [_pieces(rng.permutation(group), shares) for group in groups]
    whole = [np.concatenate(pieces) for pieces in zip(*cut, strict=True)]
    # Training rows are drawn first, as ever: a study is of the same rows in every version.
    order = [rng.permutation(rest) for rest in reversed(whole)][::-1]
    for chosen in order:
        if not len(chosen):
            raise BadInput(f"{counted(total, 'row')}: too few for a split in three")
        yield chosen


def _pieces(group: Rows, shares: tuple[float, ...]) -> list[Rows]:
    found, start = [], 0
    for share in shares:
        end = start + round(len(group) * share)
        found.append(group[start:end])
        start = end
    return [*found, group[start:]]


def _float32(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype == np.float64 else array
