"""Intervals and UUIDs, which text, JSON and pandas write in several ways."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence

OPEN = {"right": "(]", "left": "[)", "both": "[]", "neither": "()"}
INTERVAL = re.compile(r"([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])")
UUID = re.compile(
    r"(?:urn:uuid:)?\{?([0-9a-f]{8}(-?)(?:[0-9a-f]{4}\2){3}[0-9a-f]{12})\}?", re.IGNORECASE
)


def text_of(cell: object) -> str:
    """Return the text of a cell; of an interval that JSON has as an object, as pandas has it."""
    if isinstance(cell, Mapping) and {"left", "right"} <= cell.keys():
        marks = OPEN.get(cell.get("closed", "right"), "(]")
        return f"{marks[0]}{cell['left']}, {cell['right']}{marks[1]}"
    return str(cell)


def alike(given: list[str], levels: Sequence[str]) -> list[str]:
    """Return the levels that texts mean if all levels are intervals or UUIDs, else the texts."""
    for meaning in (_interval, _uuid):
        known = {meaning(level): level for level in levels}
        if known and None not in known and len(known) == len(levels):
            return [known.get(meaning(text), text) for text in given]
    return given


def _interval(text: str) -> Hashable | None:
    found = INTERVAL.fullmatch(text)
    if found is None:
        return None
    ends: list[Hashable] = []
    for end in (found[2], found[3]):
        try:
            ends.append(float(end))
        except ValueError:
            ends.append(end)
    return (found[1], *ends, found[4])


def _uuid(text: str) -> Hashable | None:
    found = UUID.fullmatch(text)
    return found and found[1].replace("-", "").lower()
