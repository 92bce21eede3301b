"""Dates in text: how a column writes them, and the numbers that they become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from objectives import BadInput
from objectives.reading import quoted, shown

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Seconds = NDArray[np.datetime64]

CLOCK = r"([ T]\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( [AaPp][Mm])?)?"
# What a day looks like, and the `strptime` formats that may read it. A year of two digits is
# taken for one only where nothing else looks alike: 1.2.10 is a version.
DAYS = (
    (r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", (
        "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y",
    )),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%m/%d/%y", "%d/%m/%y")),
    (r"\d{2}\.\d{2}\.\d{2}", ("%d.%m.%y",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"[A-Za-z]{3,9} \d{1,2}, \d{4}", ("%b %d, %Y", "%B %d, %Y")),
    (r"\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4}", (
        "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d-%B-%Y",
    )),
)  # fmt: skip
TIMES = (
    "", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M", "T%H:%M:%S",
    " %H:%M:%S.%f", " %H:%M:%S,%f", "T%H:%M:%S.%f",
)  # fmt: skip
PARTS_OF_SECONDS = (".%f", ",%f")
SAMPLE = 50
MOSTLY = 0.95  # of the cells are dates: the rest is then at fault
ENOUGH = 20  # different dates, below which the rest is not called a fault


def read_dates(
    levels: pa.Array, codes: NDArray[np.int32], name: str, advice: str
) -> tuple[Seconds, str, str | None] | None:
    """Return each row's date, the format, and another one that would fit as well.

    levels, codes: of the column's text. None where the text is no dates. Raises BadInput where
    nearly all cells are dates of one format, and some are not.
    """
    sample = levels.slice(0, SAMPLE)
    fits = {one: int((~np.isnat(parse_dates(sample, one))).sum()) for one in _formats(sample)}
    best = max(fits.values(), default=0)
    if best < 0.9 * len(sample):
        return None
    found: list[tuple[Seconds, str]] = []
    for pattern in (one for one, count in fits.items() if count == best):
        seconds = parse_dates(levels, pattern)
        if not np.isnat(seconds).any():
            found.append((np.append(seconds, np.datetime64("NaT"))[codes], pattern))
        elif not found:
            _refuse_stray(levels, codes, seconds, pattern, name, advice)
    if not found:
        return None
    return *found[0], found[1][1] if len(found) > 1 else None


def _formats(sample: pa.Array) -> list[str]:
    """Return the formats that most of the texts look like."""
    texts = sample.to_pylist()
    found = []
    for shape, days in DAYS:
        looks = re.compile(shape + CLOCK)
        if sum(looks.fullmatch(text) is not None for text in texts) >= max(1.0, 0.9 * len(texts)):
            found += [day + time for day in days for time in TIMES]
    return found


def _refuse_stray(
    levels: pa.Array,
    codes: NDArray[np.int32],
    seconds: Seconds,
    pattern: str,
    name: str,
    advice: str,
) -> None:
    """Raise BadInput where many dates of one format fill nearly all cells."""
    there = ~np.isnat(seconds)
    filled = codes >= 0
    if there.sum() <= ENOUGH or there[codes[filled]].mean() < MOSTLY:
        return
    level = int(np.argmin(there))
    row = int(np.argmax(codes == level))
    raise BadInput(
        f"column {name!r}: {quoted(levels[level].as_py())} (row {row + 1}) is no date, as the "
        f"others are ({pattern}): mend it or leave the cell empty" + advice.format(shown(name))
    )


def parse_dates(levels: pa.Array, pattern: str) -> Seconds:
    """Return datetime64[us] of texts under a `strptime` format, NaT where they have another.

    Times with a zone become UTC, as Arrow makes them.
    """
    import pandas as pd

    texts = pd.Series(levels.to_pylist(), dtype=object)
    parsed = pd.to_datetime(texts, format=pattern, errors="coerce", utc=True)
    if pattern.endswith(PARTS_OF_SECONDS) and parsed.isna().any():  # whole seconds lack the part
        whole = pd.to_datetime(texts, format=pattern[:-3], errors="coerce", utc=True)
        parsed = parsed.fillna(whole)
    return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")


def parts(seconds: Seconds) -> dict[str, NDArray[np.float64]]:
    """Return a date's numeric parts, NaN where it is missing.

    days: since 1970-01-01. month: 1 to 12. day: of the month, from 1. weekday: Monday is 0.
    hour: 0 to 24, minutes and seconds, also parts of them, as its fraction.
    """
    missing = np.isnat(seconds)
    stamps = np.where(missing, np.datetime64(0, "us"), seconds)
    days = stamps.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    found = {
        "days": days.astype(np.int64),
        "month": months.astype(np.int64) % 12 + 1,
        "day": (days - months).astype(np.int64) + 1,
        "weekday": (days.astype(np.int64) + 3) % 7,
        "hour": (stamps - days).astype("m8[us]").astype(np.int64) / 3.6e9,
    }
    return {name: np.where(missing, np.nan, part) for name, part in found.items()}


def clock_seconds(texts: list[str], kind: str) -> NDArray[np.float64]:
    """Return the seconds of texts that are a "time" of day or a "duration", else NaN."""
    import pandas as pd

    # A time of day without seconds is one too: 8:30.
    whole = [f"{text}:00" if kind == "time" and text.count(":") == 1 else text for text in texts]
    read = pd.to_timedelta(pd.Series(whole, dtype=object), errors="coerce")
    return np.asarray(read.dt.total_seconds(), np.float64)
