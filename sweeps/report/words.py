"""Numbers and times as a page writes them."""

from __future__ import annotations

import math
from typing import Any


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


def arrows(text: str) -> str:
    """Return a change with a proper arrow."""
    return text.replace(" -> ", " → ")


def upper(text: str) -> str:
    """Return a sentence with a capital letter."""
    return text[:1].upper() + text[1:]
