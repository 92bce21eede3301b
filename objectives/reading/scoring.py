"""Raw columns of a data frame as the inputs of an exported model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput
from objectives.reading import known, quoted, series
from objectives.reading.dates import clock_seconds, parse_dates, parts
from objectives.reading.headers import trimmed
from objectives.reading.meaning import meant
from objectives.reading.pandas_frames import column_of
from objectives.reading.spelled import Way
from objectives.reading.values import Dates, Numbers, is_number, text, values

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

DAY = 86_400  # seconds
COMMA = re.compile(r"[+-]?[\d.]+,\d+")
HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")


def named(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame's columns by their names as training has them, None for repeated ones."""
    found: dict[str, Any] = {}
    for place, name in enumerate(trimmed(frame.columns)):
        found[name] = None if name in found else frame.iloc[:, place]
    return found


def column(columns: Mapping[str, Any], name: str) -> pa.ChunkedArray:
    """Return one column, whose cells may be of mixed types. Raises BadInput but for one."""
    known(name, columns, "model input")
    if columns[name] is None:
        raise BadInput(
            f"the frame has several columns called {name!r}: every column needs a name of its own"
        )
    return column_of(columns[name])


def numbers(columns: Mapping[str, Any], one: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return a numeric input: a column's numbers, or a part of its dates."""
    name = one["column"]
    part = one.get("part")
    if part is not None and name not in columns and f"{name}.{part}" in columns:
        name, part = f"{name}.{part}", None  # the frame has the parts themselves
    cells = column(columns, name)
    if len(cells) == cells.null_count:
        return np.full(len(cells), np.nan)
    if part is not None:
        return parts(_dates(cells, one, name))[str(part)]
    if is_number(cells.type):
        if one.get("kind") == "duration":
            return _seconds(cells, one, name)
        _check_points(cells, one, name)
    else:
        plain = text(cells) if _is_text(cells.type) else None
        if plain is not None:
            return np.append(_parsed(plain.levels, one, name), np.nan)[plain.codes]
    held = values(cells, name)
    if not isinstance(held, Numbers):
        raise BadInput(f"column {name!r} holds {quoted(cells[0].as_py())} where numbers belong")
    return held.values.astype(np.float64)


def _check_points(cells: pa.ChunkedArray, one: Mapping[str, Any], name: str) -> None:
    """Raise BadInput for 1.234 where training has 1.234 for a thousand and more."""
    way = one.get("way", {})
    if way.get("thousands") == "." and way.get("places") == 0:
        given = np.asarray(cells.to_numpy(), np.float64)
        broken = given[np.isfinite(given) & (given != np.floor(given))]
        if len(broken):
            raise BadInput(
                f"column {name!r} holds {broken[0]:.10g} where training has whole numbers with "
                "points between thousands: give text, or numbers without points"
            )


def _is_text(kind: pa.DataType) -> bool:
    return not (is_number(kind) or pa.types.is_decimal(kind) or pa.types.is_temporal(kind))


def _parsed(levels: pa.Array, one: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    """Return the numbers of texts, read as the column was in training."""
    import pandas as pd

    texts: list[str] = levels.to_pylist()
    read: NDArray[np.float64]
    kind, blank = one.get("kind"), one.get("strays", [])
    if "way" in one:
        read = Way(**one["way"]).read(texts)
    elif kind in ("time", "duration"):
        read = clock_seconds(texts, kind) / (3600.0 if kind == "time" else 1.0)
    else:
        truth = {"true": "1", "false": "0"} if kind == "truth" else {}
        plain = pd.Series([truth.get(t.casefold(), _decimal(t)) for t in texts], dtype=object)
        read = pd.to_numeric(plain, errors="coerce").to_numpy(np.float64)
    unread = [each for each, value in zip(texts, read, strict=True) if np.isnan(value)]
    wrong = [each for each in unread if each not in blank]  # training counts the blank as missing
    if wrong:
        what = {"time": "times of day", "duration": "durations"}.get(kind or "", "numbers")
        comma = not kind and COMMA.fullmatch(wrong[0].strip())
        written = " as training had them" if "way" in one or comma else ""
        written += ", with decimal points" if comma and "way" not in one else ""
        raise BadInput(f"column {name!r} holds {quoted(wrong[0])} where {what} belong{written}")
    return read


def _decimal(text: str) -> str:
    """Return a number's text, of a hexadecimal one too, which Arrow reads in CSV files."""
    return str(int(text, 16)) if HEXADECIMAL.fullmatch(text) else text


def _seconds(cells: pa.ChunkedArray, one: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    """Return dates or durations that are sent as numbers: milliseconds, as pandas writes JSON.

    Raises BadInput where they are rather in another unit, going by those of training.
    """
    raw = np.asarray(cells.to_numpy(), np.float64)
    there, dates = raw[~np.isnan(raw)], "part" in one
    low, high = one.get("span", (-np.inf, np.inf))
    room = high - low + 10 * 365 * DAY if dates else 0.0  # later dates are to be expected

    def alike(unit: float) -> int:
        return int(np.sum((there * unit >= low - room) & (there * unit <= high + room)))

    rather = max(map(alike, (1.0, 1e-6, 1e-9))) > alike(1e-3)
    # Seconds, days, years and 20240131 are all moments of 1970 to 1973 as milliseconds.
    early = dates and not alike(1e-3) and there.any() and bool(np.all(np.abs(there) < 1e11))
    if rather or early:
        read, first, last = (_told(value, dates) for value in (there[0] / 1e3, low, high))
        raise BadInput(
            f"column {name!r} holds {there[0]:.20g}: as milliseconds that is {read}, and training "
            f"had {first} to {last}; give milliseconds, or text in ISO 8601"
        )
    return raw / 1e3


def _told(seconds: float, dates: bool) -> str:
    return str(np.datetime64(int(seconds // DAY), "D")) if dates else f"{seconds:g} s"


def _dates(cells: pa.ChunkedArray, one: Mapping[str, Any], name: str) -> NDArray[np.datetime64]:
    pattern = one["format"]
    if pa.types.is_temporal(cells.type):
        found = values(cells, name)
        if isinstance(found, Dates):
            return found.seconds
    if is_number(cells.type):
        return (_seconds(cells, one, name) * 1e6).astype("datetime64[us]")
    plain = text(cells)
    pattern = "ISO8601" if pattern == "typed" else pattern
    read = parse_dates(plain.levels, pattern)
    if np.isnat(read).any() and pattern != "ISO8601":  # as JSON or a typed column has it
        read = np.where(np.isnat(read), parse_dates(plain.levels, "ISO8601"), read)
    if np.isnat(read).any():
        wrong = plain.levels[int(np.argmax(np.isnat(read)))].as_py()
        raise BadInput(f"column {name!r} holds {quoted(wrong)} where dates belong ({pattern})")
    return np.append(read, np.datetime64("NaT"))[plain.codes]


def levels(columns: Mapping[str, Any], one: Mapping[str, Any]) -> NDArray[np.object_]:
    """Return a category's cells as text, "" where they are missing.

    A cell stands for the level that it means, however both are written.
    """
    found = text(column(columns, one["column"]))
    names = meant(found.levels.to_pylist(), found.kind, one)
    return np.array([*names, ""], object)[found.codes]


def sequences(frame: pd.DataFrame, preprocessing: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return series x steps x channels from a long frame, series in the order they begin in it.

    Raises BadInput where a series has more steps than the model takes.
    """
    of = preprocessing.get("columns_of")
    if of is None:
        raise BadInput("the model was trained on an array: give it rows x steps x channels")
    names = preprocessing["channels"]
    there = named(frame)
    columns = {name: column(there, name) for name in (of["id"], of["time"], *names)}
    places = series.order(columns, of["id"], of["time"])
    found, _ = series.channels({name: columns[name] for name in names}, names)
    short = series.fill(found, places)
    steps = preprocessing["steps"]
    if short.shape[1] > steps:
        raise BadInput(f"a series has {short.shape[1]:,} steps: the model takes {steps:,} at most")
    x = np.full((len(short), steps, len(names)), np.nan)
    x[:, : short.shape[1]] = short
    return x
