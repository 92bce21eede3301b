"""A matrix of numbers, rows x features, as three scaled parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput, Data, Source
from objectives.reading import counted, result
from objectives.reading.leaks import leaks
from objectives.reading.roles import Number, Roles, Wishes, wishes_of
from objectives.reading.scaling import CLIP, fit, merged
from objectives.reading.targets import target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


LOOKED_AT = 1000  # features of a wide matrix, for leaks


def from_matrix(
    x: NDArray[Any],
    y: NDArray[Any],
    source: Source,
    task: str,
    groups: NDArray[Any] | None = None,
) -> Data:
    """Return the data of x, rows x features with NaN where missing, and one label a row."""
    names = [f"x{place}" for place in range(x.shape[1])]
    wishes = _wishes(x, source, names)
    name = source.target or "y"
    found = target(labels(y, name), name, task, source.positive)

    def make(rows: tuple[Rows, Rows, Rows]) -> Data:
        raw = [found.rows[part] for part in rows]
        train = x[raw[0]]
        gaps = np.isnan(train)
        varies = np.fmin.reduce(train, axis=0) < np.fmax.reduce(train, axis=0)
        varies |= gaps.any(axis=0) & ~gaps.all(axis=0)
        ignored = np.isin(names, wishes.ignore)
        keep = np.flatnonzero((varies | np.isin(names, wishes.numeric)) & ~ignored)
        if not len(keep):
            raise BadInput(
                f"X: {counted(len(names), 'feature')}, all constant: nothing to learn from"
            )
        scaling = fit(train[:, keep], alike=True)
        warnings = [
            f"column {names[column]!r}: {says}"
            for place, column in enumerate(keep[:LOOKED_AT])
            if (says := merged(train[:, column], scaling, place))
        ]
        missing = gaps.sum(axis=0)
        del train, gaps
        xs = []
        for part in raw:
            out = np.empty((len(part), scaling.width), np.float32)
            scaling.apply(x[np.ix_(part, keep)], out)
            xs.append(out)
        lines = [result.target_line(name, found, len(x))]
        lines += _described(names, set(keep.tolist()), set(wishes.ignore), missing, scaling.how)
        plain = {
            "kind": "table",
            "numbers": scaling.plain(),
            "clip": CLIP,
            "matrix": {"input": "x", "features": x.shape[1], "keep": keep.tolist()},
            "inputs": [],
            "categories": [],
        }
        columns = Roles([Number(names[place], None, x[:, place]) for place in keep[:LOOKED_AT]])
        return result.finish(
            xs,
            found,
            rows,
            source,
            task,
            preprocessing=plain,
            lines=lines,
            warnings=leaks(columns, found.y[rows[0]], raw[0], task) + warnings,
        )

    return result.made(found, source, groups, make)


def _wishes(x: NDArray[Any], source: Source, names: list[str]) -> Wishes:
    wishes = wishes_of(source)
    wishes.check(names)
    if wishes.categorical:
        raise BadInput(
            f"--categorical {wishes.categorical[0]!r}: X holds numbers alone; use a CSV"
        )
    if not wishes.missing_allowed and np.isnan(x).any():
        row, place = np.argwhere(np.isnan(x))[0].tolist()
        raise BadInput(f"X is NaN at [{row}, {place}] and missing values are refused: fill it")
    return wishes


def _described(
    names: list[str], kept: set[int], ignored: set[str], missing: NDArray[np.int64], how: str
) -> list[result.Row]:
    """Return what was done to each feature, and why."""
    lines = []
    for place, name in enumerate(names):
        gaps = int(missing[place])
        if place in kept:
            note = f"; {counted(gaps, 'missing cell')}: the mean, and an indicator" if gaps else ""
            lines.append((name, "number", how + note))
        else:
            lines.append((name, "left out", "--ignore" if name in ignored else "constant"))
    return lines


def labels(y: NDArray[Any], name: str) -> pa.ChunkedArray:
    """Return labels as a column. Raises BadInput where they are no numbers and no text."""
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind == "f":
        y = y.astype(np.float64)
    try:
        column = pa.array(y, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError) as error:
        raise BadInput(f"labels {name!r}: {str(error).splitlines()[0]}") from None
    if y.dtype.kind not in "fiubUO":
        raise BadInput(f"labels {name!r} hold {y.dtype}: numbers or text are needed")
    return pa.chunked_array([column])
