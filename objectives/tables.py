"""A user's own table (CSV, TSV, Parquet, NPZ or a data frame) as three parts of numbers.

The options of a `Source` that a table understands: `ignore`, `categorical` and `numeric` (names
of columns, as a list or with commas between them), `nan` ("impute" or "refuse"), `weights`
("off", or "balanced": the classes weigh equally in the loss) and `threshold_for` (of two classes:
"balanced_accuracy", "f1" or "none").
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Data, Source
from objectives.reading import result, shown, splits, table_files
from objectives.reading.arrays import Arrays, floats, one_column, unmasked
from objectives.reading.commas import ways, with_ways
from objectives.reading.frame import from_columns
from objectives.reading.headers import distinct
from objectives.reading.matrix import from_matrix
from objectives.reading.pandas_frames import column_of, labels_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

OPTIONS = {"ignore", "categorical", "numeric", "nan", "weights", "threshold_for"}


def load_table(source: Source, task: str) -> Data:
    """Read, clean and split a table: x float32, rows x features, scaled; y as the task has it.

    task: "binary" (y float32, 0 or 1), "multiclass" (int32) or "regression" (float32, as it is
    in the file). The table is split first, and all that is fitted is fitted on the training
    rows. Raises BadInput.
    """
    _check(source)
    if source.path is None:
        raise BadInput("a table needs a file: say --data FILE")
    path = Path(source.path)
    if table_files.kind(path) == "npz":
        return _load_npz(source, task, path)
    table = table_files.read_table(path)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    written = ways(table)
    del table  # so that each column is freed once it is encoded
    data = from_columns(columns, source, task)
    with_ways((data.preprocessing or {}).get("inputs", []), written)
    return data


def from_arrays(x: Any, y: Any, source: Source, task: str, groups: Any = None) -> Data:
    """Return the data of what Python has in hand: a data frame or a matrix, and its labels.

    x: rows x features. y: one label a row, or the name of a frame's column.
    """
    _check(source)
    if hasattr(x, "columns"):
        return _from_frame(x, y, source, task, groups)
    matrix = floats(unmasked(x, "X"), "X", 2)
    labels = one_column(unmasked(y, "y"), "y", len(matrix))
    return from_matrix(matrix, labels, source, task, groups)


def describe(data: Data, limit: int = 40) -> list[tuple[str, str, str]]:
    """Return (column, what was done, why) for every column, the target first.

    Of more columns than the limit, neighbours that were treated alike share a line.
    """
    lines = [(shown(name), what, why) for name, what, why in data.details.get("columns", [])]
    if len(lines) <= limit:
        return lines
    found: list[tuple[str, str, str]] = []
    start = 0
    for place, (name, what, why) in enumerate(lines):
        if place and lines[place - 1][1:] == (what, why):
            first, count = lines[start][0], place - start + 1
            found[-1] = (f"{first} ... {name} ({count})", what, why)
        else:
            start = place
            found.append((name, what, why))
    return found


def _check(source: Source) -> None:
    splits.check(source)
    result.check_options(source, OPTIONS, "tables")


def _load_npz(source: Source, task: str, path: Path) -> Data:
    archive = Arrays(path)
    name = archive.find(source.target or "y", "--target")
    x = floats(archive.read(archive.find("X", "--data")), "X", 2)
    y = one_column(archive.read(name), name, len(x))
    groups = None
    if source.group is not None:
        group = archive.find(source.group, "--group")
        groups = np.unique(one_column(archive.read(group), group, len(x)), return_inverse=True)[1]
    return from_matrix(x, y, dataclasses.replace(source, target=name), task, groups)


def _from_frame(
    frame: pd.DataFrame, y: Any, source: Source, task: str, groups: NDArray[Any] | None
) -> Data:
    import pandas as pd

    names = distinct(frame.columns, "the data frame")
    columns = {name: column_of(frame.iloc[:, place]) for place, name in enumerate(names)}
    if isinstance(y, str):
        source = dataclasses.replace(source, target=y)
    else:
        y, called = labels_of(y, len(frame))
        name = called or source.target or "y"
        if name in columns:
            raise BadInput(f"the labels and a column are both called {name!r}: rename one")
        if len(y) != len(frame):
            raise BadInput(f"y has {len(y):,} rows, the frame {len(frame):,}")
        columns[name] = column_of(y if hasattr(y, "iloc") else pd.Series(unmasked(y, "y")))
        source = dataclasses.replace(source, target=name)
    if groups is not None:
        source = dataclasses.replace(source, group=source.group or "group")
        columns[str(source.group)] = column_of(pd.Series(np.asarray(groups)))
    return from_columns(columns, source, task)
