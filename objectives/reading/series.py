"""Sequences in a long table: one row a step, an identifier for the series, a time for the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from objectives import BadInput
from objectives.reading import check_memory, counted, known, quoted
from objectives.reading.values import Dates, Numbers, text, values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """Where each row of a long table goes: its series (first come, first numbered) and step."""

    series: Rows
    step: Rows
    first: Rows  # one row of each series

    @property
    def shape(self) -> tuple[int, int]:
        """(series, steps of the longest)."""
        return len(self.first), int(self.step.max()) + 1


def order(columns: Mapping[str, pa.ChunkedArray], ids: str, time: str) -> Order:
    """Return the place of each row. Raises BadInput where an id or a time is missing or twice."""
    known(ids, columns, "--id")
    known(time, columns, "--time")
    codes = text(columns[ids]).codes
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise BadInput(f"--id {ids!r} is empty in row {row + 1}: every step belongs to a series")
    _, first, series = np.unique(codes, return_index=True, return_inverse=True)
    stamps = _stamps(columns[time], time)
    by_time = np.lexsort((stamps, series))
    changed = np.diff(series[by_time], prepend=-1) != 0
    starts = np.flatnonzero(changed)
    step = np.empty(len(series), np.int64)
    step[by_time] = np.arange(len(series)) - np.repeat(starts, np.diff(starts, append=len(series)))
    twice = ~changed & (np.diff(stamps[by_time], prepend=stamps[by_time[0]]) == 0)
    if twice.any():
        row = int(by_time[np.argmax(twice)])
        raise BadInput(
            f"--time {time!r} is {quoted(columns[time][row].as_py())} twice in series "
            f"{quoted(columns[ids][row].as_py())} (row {row + 1}): one row per step is needed"
        )
    return Order(series.astype(np.int64), step, first.astype(np.int64))


def _stamps(column: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    found = values(column, name)
    if isinstance(found, Dates):
        stamps = found.seconds.astype("datetime64[us]").astype(np.int64).astype(np.float64)
        stamps[np.isnat(found.seconds)] = np.nan
    elif isinstance(found, Numbers):
        stamps = found.values.astype(np.float64)
    else:
        raise BadInput(f"--time {name!r} holds neither numbers nor dates")
    if np.isnan(stamps).any():
        raise BadInput(f"--time {name!r} is empty in row {int(np.argmax(np.isnan(stamps))) + 1}")
    return stamps


def per_series(column: pa.ChunkedArray, name: str, places: Order, option: str) -> pa.ChunkedArray:
    """Return one value a series. Raises BadInput where a series has two."""
    codes = text(column).codes
    same = codes == codes[places.first][places.series]
    if not same.all():
        row = int(np.argmin(same))
        first = int(places.first[places.series[row]])
        raise BadInput(
            f"{option} {name!r} changes within a series: {quoted(column[first].as_py())} in row "
            f"{first + 1}, {quoted(column[row].as_py())} in row {row + 1}; one value per series "
            "is needed"
        )
    return pa.chunked_array([column.take(pa.array(places.first)).combine_chunks()])


def channels(
    columns: dict[str, pa.ChunkedArray], wanted: list[str] | None = None
) -> tuple[dict[str, NDArray[np.float64]], list[tuple[str, str, str]]]:
    """Return the numeric columns, and a line (column, what, why) for each that is left out."""
    found: dict[str, NDArray[np.float64]] = {}
    lines: list[tuple[str, str, str]] = []
    for name in list(columns):
        column = columns.pop(name)
        held = values(column, name)
        if isinstance(held, Numbers):
            bad = np.flatnonzero(np.abs(held.values) > 1e37)
            if len(bad):
                raise BadInput(
                    f"column {name!r} is {held.values[bad[0]]:g} in row {bad[0] + 1}: infinite or "
                    "too large a number; mend it, or leave the cell empty"
                )
            found[name] = held.values.astype(np.float64)
        elif wanted and name in wanted:
            found[name] = np.full(len(column), np.nan)
        else:
            lines.append((name, "left out", "no numbers: a series' channels are numbers"))
    if not found:
        raise BadInput("no column with numbers is left: a series needs one channel at least")
    return found, lines


def fill(found: Mapping[str, NDArray[np.float64]], places: Order) -> NDArray[np.float64]:
    """Return series x steps x channels, NaN behind the end of a series."""
    shape = (*places.shape, len(found))
    check_memory(
        16.0 * np.prod(shape, dtype=np.float64),
        f"{counted(shape[0], 'series')} x {shape[1]:,} steps x {counted(shape[2], 'channel')}",
        "shorten the longest series, or take fewer of them",
    )
    x = np.full(shape, np.nan)
    for place, column in enumerate(found.values()):
        x[places.series, places.step, place] = column
    return x
