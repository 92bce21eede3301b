"""Small pictures made of boxes: intervals, stacked bars, columns. They print, without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeps.report.html import Markup, fill, join


@dataclass(frozen=True)
class Row:
    """A line of a picture of intervals. None as an end: it goes on beyond the picture."""

    name: object
    value: float
    low: float | None
    high: float | None
    figures: object
    style: str = "--complete"
    hollow: bool = False


def intervals(rows: Sequence[Row], zero: float, worth: float = 0.0) -> Markup:
    """Return points with intervals around a line at `zero`; a band shows what is too small."""
    ends = [zero - worth, zero + worth]
    ends += [v for r in rows for v in (r.value, r.low, r.high) if v is not None]
    low, high = min(ends), max(ends)
    room = 0.04 * (high - low or 1.0)
    low, high = low - room, high + room

    def place(value: float | None, otherwise: float) -> float:
        return otherwise if value is None else 100.0 * (value - low) / (high - low)

    def line(row: Row) -> Markup:
        start, end = place(row.low, 0.0), place(row.high, 100.0)
        band = fill(
            '<span class="worth" style="left:{a}%;width:{w:s}%"></span>',
            a=f"{place(zero - worth, 0):.2f}",
            w=f"{place(zero + worth, 0) - place(zero - worth, 0):.2f}",
        )
        return fill(
            '<div class="row"><span class="name">{name}</span>'
            '<span class="ci" style="--c:var({style})" aria-hidden="true">{band}'
            '<span class="zero" style="left:{zero}%"></span>'
            '<span class="span" style="left:{start}%;width:{width}%"></span>'
            '<span class="dot{hollow}" style="left:{value}%"></span></span>'
            '<span class="figures">{figures}</span></div>',
            name=row.name,
            style=row.style,
            band=band if worth else Markup(""),
            zero=f"{place(zero, 0):.2f}",
            start=f"{start:.2f}",
            width=f"{end - start:.2f}",
            hollow=" open" if row.hollow else "",
            value=f"{place(row.value, 0):.2f}",
            figures=row.figures,
        )

    return fill('<div class="rows">{rows}</div>', rows=join(map(line, rows)))


def dots(styles: Mapping[str, str], hollow: str) -> Markup:
    """Return a key of dots: names with their colours' names; one of them is drawn hollow."""
    return join(
        fill(
            ' <span class="dots"><i class="{open}" style="--c:var({style})"></i>{name}</span>',
            open="open" if name == hollow else "",
            style=style,
            name=name,
        )
        for name, style in styles.items()
    )


@dataclass(frozen=True)
class Piece:
    """A piece of a stacked bar: a name, its size, how the size reads, a colour's name."""

    name: str
    size: float
    text: str
    style: str
    saved: bool = False


def stacked(pieces: Sequence[Piece]) -> Markup:
    """Return a bar and its key; pieces of no size are left out."""
    shown = [piece for piece in pieces if piece.size > 0.0]
    total = sum(piece.size for piece in shown)
    if not total:
        return Markup("")
    bar = join(
        fill(
            '<i{kind} style="--c:var({style});flex:{size} 1 0" title="{name}: {text}"></i>',
            kind=Markup(' class="saved"') if p.saved else "",
            style=p.style,
            size=f"{p.size / total:.4f}",
            name=p.name,
            text=p.text,
        )
        for p in shown
    )
    key = join(
        fill(
            '<li><i class="{kind}" style="--c:var({style})"></i>{name} <b>{text}</b></li>',
            kind="saved" if p.saved else "",
            style=p.style,
            name=p.name,
            text=p.text,
        )
        for p in shown
    )
    return fill('<div class="bar">{bar}</div><ul class="key">{key}</ul>', bar=bar, key=key)


def columns(counts: Sequence[int], marked: Sequence[int], first: str, last: str) -> Markup:
    """Return a column a count; indices in `marked` stand out. first, last: the ends' names."""
    most = max(counts, default=0)
    if not most:
        return Markup("")
    bars = join(
        fill(
            '<i class="{kind}" style="height:{height}%" title="{count}"></i>',
            kind="rung" if index in marked else "",
            height=f"{100.0 * count / most:.1f}",
            count=count,
        )
        for index, count in enumerate(counts)
    )
    return fill(
        '<div class="columns">{bars}</div><div class="axis"><span>{first}</span>'
        "<span>{last}</span></div>",
        bars=bars,
        first=first,
        last=last,
    )
