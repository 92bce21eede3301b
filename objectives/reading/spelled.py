"""Numbers as people write them: 8.25%, $1,200.50, 1.200,50 EUR, 12 000, (3.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CURRENCIES = "$€£¥₹₽₩₺₴₫฿₪₦"
CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|ZAR|RUB|TRY|KRW|MXN"
# (thousands, decimal): where two fit equally well the earlier one is taken, so that 1,200 is a
# thousand and more.
WAYS = ((",", "."), (".", ","), ("'", "."), (" ", "."), (" ", ","), ("", ","))
SPACES = re.compile("[\u00a0\u2009\u202f ]+")
MINUS = str.maketrans("\u2212\u2013\u2019", "--'")
SAMPLE = 1000
MOSTLY = 0.95  # of the cells are numbers: the rest counts as missing


@dataclass(frozen=True)
class Way:
    """How a column writes its numbers: thousands and decimal marks, and one mark beside them.

    places: the most decimals of a number, where some are grouped by thousands; else None.
    """

    thousands: str
    decimal: str
    mark: str = ""
    places: int | None = None

    def read(self, levels: Sequence[str]) -> NDArray[np.float64]:
        """Return the numbers of texts, NaN where they are none."""
        shape, found = _shape(self.thousands, self.decimal), np.full(len(levels), np.nan)
        either = _either(self) if self.places is not None and self.places < 3 else None
        for place, level in enumerate(levels):
            value, mark = _number(shape, level, self)
            # Whether 0.08 among percentages is 8% or 0.08%, nobody knows. Nor whether 70.183
            # among 1,234.50 is 70,183, as it is to those who write 1.234,50.
            known = mark == self.mark or (not mark and (self.mark != "%" or value == 0.0))
            if known and (either is None or not either.search(_trimmed(level))):
                found[place] = value
        return found


def way_of(levels: Sequence[str], codes: NDArray[np.int32]) -> Way | None:
    """Return how nearly all cells write numbers, None where they do not, or all plainly.

    codes: each row's level, -1 where missing.
    """
    sample = levels[:SAMPLE]
    if not any(character.isdigit() for level in sample[:20] for character in level):
        return None
    counts = np.bincount(codes[codes >= 0], minlength=len(levels)).astype(np.float64)
    best, most = None, 0.0
    for thousands, decimal in WAYS:
        way = _with_mark(sample, Way(thousands, decimal))
        if np.mean(~np.isnan(way.read(sample))) < 0.9:
            continue
        share = counts[~np.isnan(way.read(levels))].sum() / max(1.0, counts.sum())
        if share > most:
            best, most = way, share
    if best is None or most < MOSTLY:
        return None
    return replace(best, places=_places(best, levels, counts))


def _places(way: Way, levels: Sequence[str], counts: NDArray[np.float64]) -> int | None:
    """Return the most decimals of the numbers that only this way can mean, None without groups.

    At least 3 where more numbers than strays have that many, whatever they may mean elsewhere.
    """
    read, either = ~np.isnan(way.read(levels)), _either(way)
    texts = [_trimmed(level) for level in levels]
    group = re.compile(rf"\d{re.escape(way.thousands)}\d{{3}}(?!\d)")
    if not way.thousands or not any(group.search(text) for text in texts):
        return None
    unsure = np.array([either.search(text) is not None for text in texts]) & read
    part = re.compile(rf"{re.escape(way.decimal)}(\d+)")
    sure = [text for text, only in zip(texts, read & ~unsure, strict=True) if only]
    most = max((len(found[1]) for text in sure if (found := part.search(text))), default=0)
    return max(most, 3) if counts[unsure].sum() > (1.0 - MOSTLY) * counts[read].sum() else most


def _either(way: Way) -> re.Pattern[str]:
    """Return the pattern of 70.183, whose decimals may be a group of thousands elsewhere."""
    before = re.escape(way.thousands)
    return re.compile(rf"(?<![\d{before}])[1-9]\d{{0,2}}{re.escape(way.decimal)}\d{{3}}(?!\d)")


def _trimmed(level: str) -> str:
    return SPACES.sub(" ", level.translate(MINUS)).strip()


def _with_mark(sample: Sequence[str], way: Way) -> Way:
    """Return the way with the mark that most numbers bear: %, or a currency's."""
    shape = _shape(way.thousands, way.decimal)
    marks = [mark for mark in (_number(shape, level, way)[1] for level in sample) if mark]
    if not marks:
        return way
    return Way(way.thousands, way.decimal, max(sorted(set(marks)), key=marks.count))


def _shape(thousands: str, decimal: str) -> re.Pattern[str]:
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+|" if thousands else ""
    mark = rf"[{CURRENCIES}]|{CODES}"
    return re.compile(
        rf"(?P<open>\()?(?P<sign>[+-])?(?P<before>{mark})? ?(?P<inner>[+-])?"
        rf"(?P<whole>{grouped}\d+)?(?:{re.escape(decimal)}(?P<part>\d*))?"
        rf" ?(?P<after>%|{mark})?(?P<close>\))?",
        re.IGNORECASE,
    )


def _number(shape: re.Pattern[str], level: str, way: Way) -> tuple[float, str]:
    """Return a text's number, NaN if it is none, and the mark beside it."""
    match = shape.fullmatch(_trimmed(level))
    if match is None or not (match["whole"] or match["part"]):
        return np.nan, ""
    if bool(match["open"]) != bool(match["close"]) or (match["before"] and match["after"]):
        return np.nan, ""
    whole = (match["whole"] or "0").replace(way.thousands or " ", "")
    value = float(f"{whole}.{match['part'] or '0'}")
    signs = [match["sign"], match["inner"], "-" if match["open"] else None]
    if sum(sign is not None for sign in signs) > 1:
        return np.nan, ""
    return (-value if "-" in signs else value), (match["before"] or match["after"] or "").upper()
