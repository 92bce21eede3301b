"""Pieces of HTML: everything that is not markup already is escaped on its way in."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, /, **values: object) -> Markup:
    """Return a template of ours with values put in, escaped unless they are markup."""
    return Markup(template.format(**{name: escaped(value) for name, value in values.items()}))


def escaped(value: object) -> Markup:
    """Return a value as HTML."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def join(parts: Iterable[object], between: str = "") -> Markup:
    """Return pieces in a row, each escaped unless it is markup."""
    return Markup(between.join(escaped(part) for part in parts))


def embedded(data: Any) -> Markup:
    """Return plain data as JSON that is safe inside a script element; NaN becomes null."""
    text = json.dumps(_finite(data), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


def number(value: Any, digits: int = 4) -> str:
    """Return a number in few characters, a dash where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    """Return `42 s`, `6 min 12 s` or `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
