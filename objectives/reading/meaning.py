"""Which level of a category a cell means: 1.0 is 1, and 2024-05-01 00:00 is 2024-05-01.

The frame that is scored may have been read in another way than the file that was trained on:
pandas reads the level 00501 of a CSV file as 501, true as True, and times as objects of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput
from objectives.reading import listing, quoted
from objectives.reading.dates import clock_seconds, parse_dates
from objectives.reading.written_objects import alike

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMES = ("date", "time", "duration")
NUMBERS = ("number", "single")
TRUTHS = {"true": 1.0, "false": 0.0}


def meant(given: list[str], kind: str, one: Mapping[str, Any]) -> list[str]:
    """Return the levels that texts mean, and the texts themselves where they mean none.

    kind: of the cells given, as `Text` has it. one: the category as the model has it. Raises
    BadInput where a cell may mean several levels, or where dates and times mean none.
    """
    levels = [level for level in one["levels"] if level]
    trained = one.get("kind", "")
    way = trained or kind
    if not way:
        return alike(given, levels)
    same: dict[float | str, list[str]] = {}
    words = "truth" in (trained, kind)
    for level, meaning in zip(levels, _meanings(levels, way, trained, words), strict=True):
        same.setdefault(meaning, []).append(level)
    # Numbers in place of text have lost their zeros: 1 may have been 01.
    exact = set() if kind in NUMBERS and not trained else set(levels)
    found = []
    for text, meaning in zip(given, _meanings(given, way, kind, words), strict=True):
        fits = [text] if text in exact else same.get(meaning, [text])
        if len(fits) > 1:
            raise BadInput(
                f"column {one['column']!r} holds {text}, which may be any of {listing(fits)}: "
                "give it as text, as training had it"
            )
        found += fits
    if kind in TIMES and kind != trained and given and levels and not set(levels) & set(found):
        raise BadInput(
            f"column {one['column']!r} holds the {kind} {quoted(given[0])} where levels like "
            f"{quoted(levels[0])} belong: give it as training had it"
        )
    return found


def _meanings(texts: list[str], way: str, kind: str, words: bool) -> list[float | str]:
    """Return the values of texts, themselves where they have none.

    way: as what they are read. kind: what they were before they became text. words: whether true
    is 1 and false is 0.
    """
    if way not in TIMES:
        return [_value(text, way, words) for text in texts]
    seconds = _seconds(texts, way, kind)
    return [
        text if np.isnan(second) else round(float(second), 6)
        for text, second in zip(texts, seconds, strict=True)
    ]


def _value(text: str, way: str, words: bool) -> float | str:
    try:
        value = TRUTHS.get(text.casefold()) if words else None
        value = float(text) if value is None else value
    except ValueError:
        return text
    return float(np.float32(value)) if way == "single" else value


def _seconds(texts: list[str], way: str, kind: str) -> NDArray[np.float64]:
    """Return the seconds of dates (since 1970), times or durations, NaN where they are none."""
    if kind in NUMBERS:  # milliseconds, as pandas writes JSON
        return np.array(texts, np.float64) / 1e3
    if way == "date":
        ticks = parse_dates(pa.array(texts, pa.string()), "ISO8601")
        return np.where(np.isnat(ticks), np.nan, ticks.astype(np.int64) / 1e6)
    if kind == "duration":
        return np.array(texts, np.float64)
    return clock_seconds(texts, way)
