"""Raw columns of a data frame as the inputs of an exported model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput
from objectives.reading import known, quoted, series
from objectives.reading.dates import parse_dates, parts
from objectives.reading.spelled import Way
from objectives.reading.values import Dates, Numbers, is_number, text, values

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def column(frame: pd.DataFrame, name: str) -> pa.ChunkedArray:
    """Return one column of a frame, whose cells may be of mixed types."""
    known(name, [str(label) for label in frame.columns], "model input")
    cells = frame[name]
    try:
        return pa.chunked_array([pa.array(cells, from_pandas=True)])
    except (pa.ArrowException, TypeError):
        plain = [
            None if missing else str(cell)
            for cell, missing in zip(cells, cells.isna(), strict=True)
        ]
        return pa.chunked_array([pa.array(plain, pa.string())])


def numbers(frame: pd.DataFrame, one: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return a numeric input: a column's numbers, or a part of its dates."""
    name = one["column"]
    cells = column(frame, name)
    if len(cells) == 0:
        return np.zeros(0)
    if "part" in one:
        return parts(_dates(cells, name, one["format"]))[one["part"]]
    if "way" in one and not is_number(cells.type):
        plain = text(cells)
        read = Way(**one["way"]).read(plain.levels.to_pylist())
        return np.append(read, np.nan)[plain.codes]
    found = values(cells, name)
    if found is None:  # nothing but missing cells
        return np.full(len(cells), np.nan)
    if not isinstance(found, Numbers):
        if len(getattr(found, "levels", [None])) == 0:
            return np.full(len(cells), np.nan)
        raise BadInput(f"column {name!r} holds {quoted(cells[0].as_py())} where numbers belong")
    return found.values.astype(np.float64)


def _dates(cells: pa.ChunkedArray, name: str, pattern: str) -> NDArray[np.datetime64]:
    if pa.types.is_temporal(cells.type):
        found = values(cells, name)
        if isinstance(found, Dates):
            return found.seconds
    plain = text(cells)
    pattern = "ISO8601" if pattern == "typed" else pattern
    return np.append(parse_dates(plain.levels, pattern), np.datetime64("NaT"))[plain.codes]


def levels(frame: pd.DataFrame, one: Mapping[str, Any]) -> NDArray[np.object_]:
    """Return a category's cells as text, "" where they are missing.

    Where levels have leading zeros a number stands for the level of its value.
    """
    cells = column(frame, one["column"])
    found = text(cells)
    names = found.levels.to_pylist()
    if is_number(cells.type):
        known = {level.lstrip("0") or "0": level for level in one["levels"] if level.isdigit()}
        names = [known.get(name, name) for name in names]
    return np.array([*names, ""], object)[found.codes]


def sequences(frame: pd.DataFrame, preprocessing: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return series x steps x channels from a long frame, series in the order of their ids.

    Raises BadInput where a series has more steps than the model takes.
    """
    of = preprocessing.get("columns_of")
    if of is None:
        raise BadInput("the model was trained on an array: give it rows x steps x channels")
    names = preprocessing["channels"]
    columns = {name: column(frame, name) for name in (of["id"], of["time"], *names)}
    places = series.order(columns, of["id"], of["time"])
    found, _ = series.channels({name: columns[name] for name in names}, names)
    short = series.fill(found, places)
    steps = preprocessing["steps"]
    if short.shape[1] > steps:
        raise BadInput(f"a series has {short.shape[1]:,} steps: the model takes {steps:,} at most")
    x = np.full((len(short), steps, len(names)), np.nan)
    x[:, : short.shape[1]] = short
    return x
