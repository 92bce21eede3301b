"""A config moved into ranges that exclude it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from search_spaces._choices import plain
from search_spaces._trials import Replay


class Nearest(Replay):
    """A trial that answers with given parameters, moved into the ranges that it is asked for.

    A choice that is left out becomes the nearest number, or else the first choice.
    """

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return the nearest value; a step begins at the low end."""
        value = min(max(super().suggest_float(name, low, high), low), high)
        return value if step is None else low + round((value - low) / step) * step

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return the nearest value on the grid."""
        value = min(max(super().suggest_int(name, low, high), low), high)
        return min(range(low, high + 1, step), key=lambda number: abs(number - value))

    def suggest_categorical(self, name: str, choices: Iterable[Any]) -> Any:
        """Return the given choice, the nearest number, or the first choice."""
        known = tuple(choices)
        value = super().suggest_categorical(name, known)
        if any(value is choice or plain(value) == plain(choice) for choice in known):
            return value
        numbers = [choice for choice in known if type(choice) in (int, float)]
        if type(value) not in (int, float) or len(numbers) < len(known):
            return known[0]
        return min(numbers, key=lambda number: abs(number - value))
