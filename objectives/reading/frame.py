"""Named columns as three scaled parts: numbers first, then indicators, then categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput, Data, Source
from objectives.reading import check_memory, known, listing, result
from objectives.reading.leaks import leaks
from objectives.reading.roles import Category, Number, Roles, decide, wishes_of
from objectives.reading.scaling import CLIP, Scaling, merged, together
from objectives.reading.targets import target
from objectives.reading.values import text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    Floats = NDArray[np.float32]
    Parts = tuple[Rows, Rows, Rows]


BLOCK = 2048  # rows: few enough to stay in the cache
CELLS = 1 << 21  # of which statistics are taken at once


def from_columns(columns: dict[str, pa.ChunkedArray], source: Source, task: str) -> Data:
    """Return the data of named columns, which are taken out of the dictionary on the way."""
    source = result.resolved(source, columns)
    name, group = source.target, source.group
    if name is None:
        raise BadInput(f"which column is the label? Say --target NAME, one of: {listing(columns)}")
    _check_header(columns, name)
    wishes = wishes_of(source)
    wishes.check(columns)
    for special, option in ((name, "--target"), (group, "--group")):
        if special is not None and special in wishes.all:
            raise BadInput(f"column {special!r} is {option}: it cannot be ignored or learnt from")
    if group is not None and (known(group, columns, "--group") == name):
        raise BadInput(f"--group {group!r} is the target: groups are another column")
    label = columns.pop(name)
    total = len(label)
    found = target(label, name, task, source.positive)
    groups = None if group is None else text(columns.pop(group)).codes.astype(np.int64)
    lines = [result.target_line(name, found, total)]
    if group is not None:
        lines.append((group, "group", "no group is on both sides of a split"))

    def make(rows: Parts) -> Data:
        raw = [found.rows[part] for part in rows]
        # Without folds nobody needs the columns any longer.
        roles = decide(dict(columns) if source.folds else columns, raw[0], wishes)
        warnings = roles.warnings + leaks(roles, found.y[rows[0]], raw[0], task)
        xs, scaling = _encode(roles, raw)
        for place, one in enumerate(roles.numbers):
            says = merged(one.values[raw[0]], scaling, place)
            warnings += [f"column {one.name!r}: {says}"] if says else []
        done = [
            (
                column,
                what,
                why.replace("standardized", scaling.how, 1) if what == "number" else why,
            )
            for column, what, why in roles.rows
        ]
        return result.finish(
            xs,
            found,
            rows,
            source,
            task,
            preprocessing=_preprocessing(roles, scaling),
            lines=[*lines, *done],
            warnings=warnings,
        )

    return result.made(found, source, groups, make)


def _check_header(columns: dict[str, pa.ChunkedArray], name: str) -> None:
    """Raise BadInput where the target is not there, saying so where no row has names."""
    if name not in columns and all(_is_number(column) for column in columns):
        raise BadInput(
            f"--target {name!r}: no such column, and the first row holds numbers alone "
            f"({listing(columns, 4)}): put the columns' names there"
        )
    known(name, columns, "--target")


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _encode(roles: Roles, raw: list[Rows]) -> tuple[list[Floats], Scaling]:
    """Return the encoded parts, and the scaling fitted on the first of them."""
    count = len(roles.numbers)
    # A missing cell of the training part makes one more column.
    gaps = sum(bool(np.isnan(one.values[raw[0]]).any()) for one in roles.numbers)
    width = count + gaps + sum(len(one.levels) + one.pooled for one in roles.categories)
    rows = sum(map(len, raw))
    check_memory(
        4.0 * rows * width,
        f"the encoded table ({rows:,} rows x {width:,} columns)",
        "leave columns out with --ignore, or take a sample of its rows",
    )
    parts = [np.zeros((len(part), width), np.float32) for part in raw]
    some = max(1, CELLS // max(1, len(raw[0])))
    scaling = together(
        (_stacked(roles.numbers[k : k + some], raw[0]) for k in range(0, count, some)), alike=True
    )
    for out, part in zip(parts, raw, strict=True):
        for start in range(0, len(part) if count else 0, BLOCK):
            block = slice(start, start + BLOCK)
            scaling.apply(_stacked(roles.numbers, part[block]), out[block])
        _one_hot(roles.categories, part, out[:, scaling.width :])
    return parts, scaling


def _stacked(numbers: list[Number], rows: Rows) -> NDArray[np.float64]:
    """Return some rows of the numeric columns, side by side."""
    found = np.empty((len(rows), len(numbers)))
    for place, one in enumerate(numbers):
        found[:, place] = one.values[rows]
    return found


def _one_hot(categories: list[Category], rows: Rows, out: Floats) -> None:
    """Set one cell a category and row: the level's, or the first one where levels are pooled.

    A level that training rows never had sets no cell where none is pooled.
    """
    start, everyone = 0, np.arange(len(rows))
    for one in categories:
        codes = one.codes[rows]
        there = slice(None) if one.pooled else codes >= 0
        out[everyone[there], start + int(one.pooled) + codes[there]] = 1.0
        start += len(one.levels) + int(one.pooled)


def _preprocessing(roles: Roles, scaling: Scaling) -> dict[str, Any]:
    names: set[str] = set()
    return {
        "kind": "table",
        "numbers": scaling.plain(),
        "clip": CLIP,
        "inputs": [
            _input(one, names, bool(double))
            for one, double in zip(roles.numbers, scaling.double, strict=True)
        ],
        "categories": [
            {
                "input": _unique(one.column, names),
                "column": one.column,
                "levels": one.levels,
                "other": one.pooled,
                **({"kind": one.kind} if one.kind else {}),
            }
            for one in roles.categories
        ],
    }


def _input(one: Number, names: set[str], double: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"input": _unique(one.name, names), "column": one.column}
    if double:
        found["double"] = True
    if one.kind:
        found["kind"] = one.kind
    if one.span is not None:
        found["span"] = list(one.span)
    if one.way is not None:
        found |= {"way": vars(one.way), "strays": list(one.strays)}
    if one.part is not None:
        found |= {"part": one.part, "format": one.format}
    return found


def _unique(name: str, names: set[str]) -> str:
    """Return the name of a Keras input: the column's, but `/` is not allowed in it."""
    bare = name.replace("/", "_") or "_"
    found, count = bare, 2
    while found in names:
        found, count = f"{bare}_{count}", count + 1
    names.add(found)
    return found
