"""The names of columns, alike wherever a table comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from objectives import BadInput
from objectives.reading import counted


def trimmed(names: Iterable[object]) -> list[str]:
    """Return names as text without spaces around them, pandas' own for empty ones."""
    return [str(name).strip() or f"Unnamed: {place}" for place, name in enumerate(names)]


def distinct(names: Iterable[object], what: str) -> list[str]:
    """Return trimmed names; raise BadInput where two columns have the same one."""
    found = trimmed(names)
    for name, times in Counter(found).items():
        if times > 1:
            raise BadInput(
                f"{what} has {counted(times, 'column')} called {name!r}: "
                "every column needs a name of its own"
            )
    return found
