"""Data frames as people have them, as Arrow columns: one way for training and for scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput
from objectives.reading.arrays import one_column, unmasked
from objectives.reading.written_objects import text_of

if TYPE_CHECKING:
    import pandas as pd


MIXED = ("mixed", "mixed-integer")


def column_of(cells: pd.Series) -> pa.ChunkedArray:
    """Return a column of a frame: sparse, interval, period and mixed cells too."""
    import pandas as pd

    kind = cells.dtype
    if isinstance(kind, pd.SparseDtype):
        cells = cells.astype(kind.subtype)
    elif isinstance(kind, pd.DatetimeTZDtype):
        cells = cells.dt.tz_convert(None)  # UTC
    elif isinstance(kind, pd.PeriodDtype):
        cells = cells.dt.to_timestamp()
    elif isinstance(kind, pd.IntervalDtype) or (
        isinstance(kind, pd.CategoricalDtype)
        and isinstance(kind.categories.dtype, pd.IntervalDtype)
    ):
        cells = cells.astype(object).where(cells.notna(), None).map(str, na_action="ignore")
    try:
        # Arrow would take true among numbers for 1. Its own columns hold one type each.
        objects = not isinstance(kind, pd.ArrowDtype) and kind.kind == "O"
        if objects and pd.api.types.infer_dtype(cells, skipna=True) in MIXED:
            raise TypeError
        found = pa.array(cells, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        gaps = cells.isna()
        texts = [None if gap else _text(cell) for cell, gap in zip(cells, gaps, strict=True)]
        found = pa.array(texts, pa.string())
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def _text(cell: object) -> str:
    """Return a cell as Arrow writes it in a column of its own kind."""
    if isinstance(cell, bool | np.bool_):
        return str(cell).lower()
    whole = isinstance(cell, float | np.floating) and float(cell).is_integer()
    return str(int(cell)) if whole else text_of(cell)  # type: ignore[call-overload]


def labels_of(y: Any, rows: int) -> tuple[Any, str | None]:
    """Return one label a row and the name that they bear: of a frame with one column a class too.

    Raises BadInput for another shape.
    """
    if hasattr(y, "columns"):
        names = [str(name) for name in y.columns]
        if len(names) == 1:
            return y.iloc[:, 0], names[0]
        cells = np.asarray(y)
        whole = cells.dtype.kind in "fiub" and np.isin(cells, (0, 1)).all()
        if not whole or not (cells.sum(axis=1) == 1).all():
            raise BadInput(
                f"y is a frame of {len(names)} columns ({', '.join(names[:4])}): give one label a "
                "row, or one column a class with a 1 in each row"
            )
        return np.asarray(names, object)[cells.argmax(axis=1)], None
    name = getattr(y, "name", None)
    if getattr(y, "ndim", 1) == 1 and not np.ma.isMaskedArray(y):
        return y, None if name is None else str(name)
    return one_column(unmasked(y, "y"), "y", rows), None
