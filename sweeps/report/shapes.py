"""Where the parts of small pictures lie: intervals, stacked bars, columns, the reliability curve.

They are made of boxes and print without a script; the templates draw them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.report.given import Point
from sweeps.report.words import number

SIZE, EDGE = 260, 30  # of the reliability curve, in pixels


@dataclass(frozen=True)
class Row:
    """A line of a picture of intervals. None as an end: it extends beyond the picture."""

    name: str
    value: float
    low: float | None
    high: float | None
    figures: str
    style: str = "--complete"
    hollow: bool = False


@dataclass(frozen=True)
class Placed:
    """A row, and where its interval and its point lie, in percent."""

    row: Row
    start: float
    width: float
    value: float


@dataclass(frozen=True)
class Intervals:
    """Points with intervals around a line at `zero`; a band of `width` shows what is too small."""

    rows: Sequence[Placed]
    zero: float
    left: float
    width: float


def intervals(rows: Sequence[Row], zero: float = 0.0, worth: float = 0.0) -> Intervals:
    """Return where points with intervals lie around a line at `zero`."""
    ends = [zero - worth, zero + worth]
    ends += [v for r in rows for v in (r.value, r.low, r.high) if v is not None]
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low or 1.0)
    low, high = low - room, high + room

    def place(value: float | None, otherwise: float = 0.0) -> float:
        return otherwise if value is None else 100.0 * (value - low) / (high - low)

    placed = []
    for row in rows:
        start = place(row.low)
        placed.append(Placed(row, start, place(row.high, 100.0) - start, place(row.value)))
    left = place(zero - worth)
    return Intervals(placed, place(zero), left, place(zero + worth) - left)


@dataclass(frozen=True)
class Key:
    """A dot and its name."""

    name: str
    style: str
    hollow: bool = False


@dataclass(frozen=True)
class Piece:
    """A piece of a stacked bar: a name, its size, how the size reads, a colour's name."""

    name: str
    size: float
    text: str
    style: str
    saved: bool = False


def stacked(pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces that have a size."""
    return [piece for piece in pieces if piece.size > 0.0]


@dataclass(frozen=True)
class Column:
    """A column: its height in percent; marked ones stand out."""

    count: int
    height: float
    marked: bool


def columns(counts: Sequence[int], marked: Sequence[int]) -> list[Column]:
    """Return a column a count; indices in `marked` stand out."""
    most = max(counts, default=0)
    return [
        Column(count, 100.0 * count / most, index in marked)
        for index, count in enumerate(counts)
        if most
    ]


@dataclass(frozen=True)
class Mark:
    """A bin of the reliability curve, and where it lies."""

    point: Point
    x: float
    y: float
    radius: float

    @property
    def title(self) -> str:
        """What a hover says."""
        p = self.point
        return f"{p.rows:,.0f} rows: said {p.said:.3f}, seen {p.seen:.3f}"

    @property
    def cells(self) -> tuple[str, str, str]:
        """What a table says."""
        p = self.point
        return number(p.said, 3), number(p.seen, 3), f"{p.rows:,.0f}"


def marks(points: Sequence[Point]) -> list[Mark]:
    """Return where the bins of a reliability curve lie."""
    most = max((point.rows for point in points), default=1.0)
    return [
        Mark(p, _place(p.said), SIZE - _place(p.seen), 3.0 + 6.0 * (p.rows / most) ** 0.5)
        for p in points
    ]


def _place(share: float) -> float:
    return EDGE + (SIZE - 2 * EDGE) * share
