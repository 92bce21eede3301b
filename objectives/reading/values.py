"""What a column holds: numbers, dates or text, whatever the file calls them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from objectives import BadInput
from objectives.reading import MISSING, quoted, shown
from objectives.reading.dates import read_dates
from objectives.reading.spelled import Way, way_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOSTLY = 0.95  # of the cells are numbers: the rest is then at fault
STRAYS = 50  # different texts among numbers that may stand for a missing one
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# 1,234.50 or 1.234,50 or $12 or 3,5 or 12 kg: numbers to people, but no plain ones.
DRESSED = re.compile(
    r"[$€£¥]?\s?[+-]?[$€£¥]?\d+([.,' ]\d{3})*([.,]\d+)?(\s?[%$€£¥]|\s[A-Za-z]{1,3})?"
)


@dataclass(frozen=True)
class Numbers:
    """values: rows, float64 or whole int64, NaN where missing. whole: they were whole numbers.

    kind: "time" (hours), "duration" (seconds) or "truth", where they were no numbers. way: how
    they were written, where not plainly. example: such a text. strays: the few texts that are no
    numbers and count as missing.
    """

    values: NDArray[np.float64] | NDArray[np.int64]
    whole: bool
    kind: str = ""
    way: Way | None = None
    example: str = ""
    strays: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dates:
    """seconds: rows, datetime64[us], NaT where missing. format: of `strptime`, None if typed.

    other: another format that all cells would fit as well.
    """

    seconds: NDArray[np.datetime64]
    format: str | None
    other: str | None = None


@dataclass(frozen=True)
class Text:
    """codes: rows, int32 into levels, -1 where missing; levels: distinct, trimmed.

    kind: "number", "single" (float32), "truth", "date", "time" or "duration" (its levels are
    seconds), where the cells were no text.
    """

    codes: NDArray[np.int32]
    levels: pa.Array
    kind: str = ""


Values = Numbers | Dates | Text


PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
ADVICE = ", or say --categorical {0} or --ignore {0}"


def values(
    column: pa.ChunkedArray, name: str, advice: str = ADVICE, *, codes: bool = False
) -> Values | None:
    """Return what a column holds, or None if it is nothing that can be learnt from.

    Text becomes numbers where every cell is one; codes: not where some have leading zeros, as
    zip codes do. Raises BadInput where nearly every cell is, with advice for the column's name.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return values(column.cast(kind.value_type), name, advice, codes=codes)
    if pa.types.is_null(kind):
        return None
    if pa.types.is_boolean(kind):
        return Numbers(_signed(column.cast(pa.int8())), whole=True, kind="truth")
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        column = column.cast(pa.float64())
    if pa.types.is_duration(kind):
        return _numbers(_ticks(column) / PER_SECOND[kind.unit], "duration")
    if pa.types.is_time(kind):
        return _numbers(_ticks(column) / (3600.0 * PER_SECOND[kind.unit]), "time")
    if pa.types.is_temporal(kind):
        stamps = column.cast(pa.timestamp("us"), safe=False)
        return Dates(stamps.to_numpy().astype("datetime64[us]"), None)
    if pa.types.is_integer(column.type):
        return Numbers(_signed(column), whole=True)
    if pa.types.is_floating(column.type):
        return _numbers(column.to_numpy())
    if _is_text(kind):
        found = text(column)
        if codes and padded(found.levels):
            return found
        numbers = _as_numbers(found, name, advice)
        if numbers is not None:
            return numbers
        dates = read_dates(found.levels, found.codes, name, advice)
        return found if dates is None else Dates(*dates)
    return None


def text(column: pa.ChunkedArray) -> Text:
    """Return a column as categories: trimmed text, whole numbers without a decimal point."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = _kind(column.type)
    if not _is_text(column.type) or pa.types.is_string_view(column.type):
        column = _plain_text(column)
    pieces = column.dictionary_encode().chunks  # which share one dictionary
    if not pieces:
        return Text(np.zeros(0, np.int32), pa.array([], pa.string()), kind)
    trimmed = pc.utf8_trim_whitespace(pieces[0].dictionary)
    trimmed = pc.if_else(pc.is_in(trimmed, pa.array(MISSING, trimmed.type)), None, trimmed)
    again = trimmed.dictionary_encode()  # levels that differ in spaces alone are one
    remap = pc.fill_null(again.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    codes = np.concatenate(
        [pc.fill_null(one.indices, -1).to_numpy(zero_copy_only=False) for one in pieces]
    )
    return Text(np.append(remap, np.int32(-1))[codes], again.dictionary, kind)


def _kind(kind: pa.DataType) -> str:
    """Return what cells are that become the text of levels: see `Text`."""
    types = pa.types
    if types.is_boolean(kind):
        return "truth"
    if is_number(kind) or types.is_decimal(kind):
        return "single" if types.is_float32(kind) or types.is_float16(kind) else "number"
    if types.is_time(kind):
        return "time"
    if types.is_duration(kind):
        return "duration"
    return "date" if types.is_temporal(kind) else ""


def padded(texts: pa.Array | pa.ChunkedArray) -> bool:
    """Return whether whole numbers among texts have leading zeros: they are codes."""
    return bool(pc.any(pc.match_substring_regex(texts, r"^\s*0\d+\s*$")).as_py())


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column's type is a number's."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _plain_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_duration(column.type):
        seconds = _ticks(column) / PER_SECOND[column.type.unit]
        column = pa.chunked_array([pa.array(seconds, from_pandas=True)])
    if pa.types.is_floating(column.type):
        array = column.to_numpy()
        filled = array[~np.isnan(array)]
        column = pa.chunked_array([pa.array(array, from_pandas=True)])
        if np.all((filled == np.floor(filled)) & (np.abs(filled) < 2.0**53)):
            column = column.cast(pa.int64())
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        raise BadInput(f"{column.type} values are neither numbers nor text") from None


def _numbers(array: NDArray[np.float64], kind: str = "") -> Numbers:
    finite = array[np.isfinite(array)]
    return Numbers(array, bool(np.all(finite == np.floor(finite))), kind)


def _signed(column: pa.ChunkedArray) -> NDArray[np.float64] | NDArray[np.int64]:
    """Return whole numbers whose differences do not wrap, as those of unsigned ones do."""
    array: NDArray[Any] = column.to_numpy()  # float64 where cells are missing
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        return array.astype(np.float64)
    return array if array.dtype.kind == "f" else array.astype(np.int64, copy=False)


def _ticks(column: pa.ChunkedArray) -> NDArray[Any]:
    plain = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    found: NDArray[Any] = column.cast(plain).to_numpy()
    return found


def _as_numbers(found: Text, name: str, advice: str) -> Numbers | None:
    if len(found.levels) == 0:
        return None
    try:
        parsed = pc.cast(found.levels, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        written = _written(found)
        if written is None:
            _refuse_stray_text(found, name, advice)
        return written
    return _numbers(np.append(parsed, np.nan)[found.codes])


def _written(found: Text) -> Numbers | None:
    """Return numbers that are not written plainly: percentages, prices, thousands, commas."""
    levels: list[str] = found.levels.to_pylist()
    way = way_of(levels, found.codes)
    if way is None:
        return None
    parsed = way.read(levels)
    numbers = ~np.isnan(parsed)
    spelled = [n and not PLAIN.fullmatch(level) for n, level in zip(numbers, levels, strict=True)]
    if not any(spelled):
        return None
    strays = tuple(level for n, level in zip(numbers, levels, strict=True) if not n)
    if len(strays) > STRAYS:
        return None
    plain = _numbers(np.append(parsed, np.nan)[found.codes])
    example = levels[int(np.argmax(spelled))]
    return Numbers(plain.values, plain.whole, "", way, example, strays)


def _refuse_stray_text(found: Text, name: str, advice: str) -> None:
    """Raise BadInput where more than 20 numbers fill nearly all cells, and text the rest."""
    number = pc.match_substring_regex(found.levels, f"^{PLAIN.pattern}$").to_numpy(
        zero_copy_only=False
    )
    filled = found.codes >= 0
    share = number[found.codes[filled]].mean() if filled.any() else 0.0
    if number.sum() <= 20 or share < MOSTLY:
        return
    level = int(np.argmin(number))
    row = int(np.argmax(found.codes == level))
    raise BadInput(
        f"column {name!r}: {quoted(found.levels[level].as_py())} (row {row + 1}) is text where "
        "numbers belong: mend it or leave the cell empty" + advice.format(shown(name))
    )


def dressed(found: Text) -> str | None:
    """Return what keeps text from being numbers: `$1,234.50`, or a word among plain numbers."""
    sample: list[str] = found.levels.slice(0, 1000).to_pylist()
    alike = sum(DRESSED.fullmatch(level) is not None for level in sample)
    if alike <= 20 or alike < MOSTLY * len(sample):
        return None
    return next((level for level in sample if not PLAIN.fullmatch(level)), None)


def span(found: Numbers | Dates, rows: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return the ends of dates or durations among some rows, in seconds; None of other numbers."""
    seconds: NDArray[np.float64]
    if isinstance(found, Dates):
        there = found.seconds[rows]
        seconds = there[~np.isnat(there)].astype("M8[s]").astype(np.float64)
    elif found.kind == "duration":
        seconds = found.values[rows].astype(np.float64)
        seconds = seconds[~np.isnan(seconds)]
    else:
        return None
    return (float(seconds.min()), float(seconds.max())) if len(seconds) else None


def reading(found: Numbers) -> str:
    """Return how text was read as numbers, for the line of its column."""
    if found.way is None:
        return ""
    value = found.way.read([found.example])[0]
    strays = ", ".join(map(quoted, found.strays[:3])) + ", ..." * (len(found.strays) > 3)
    left = f", what is no number ({strays}) as missing" if found.strays else ""
    return f"; read as numbers: {quoted(found.example)} is {value:.10g}{left}"
