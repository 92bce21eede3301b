"""Guess which worker has already compiled the program of a config, from earlier results."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

_MISSING = object()


class Affinity:
    """Guesses a config's structure from the configs that have been trained.

    If two configs have the same structure, the fields in which they differ are inputs of the
    program (such as the learning rate). A config that differs from a known one in inputs alone is
    assumed to have its structure. A number that is zero is a part of the structure until a pair
    shows otherwise: what is multiplied by it is left out of a program. A wrong guess costs one
    compilation, and nothing else.
    """

    def __init__(self) -> None:
        self._examples: dict[str, dict[str, Any]] = {}
        self._inputs: set[str] = set()

    def learn(self, config: Any, structure: str) -> None:
        """Learn the structure of a trained config from its result."""
        values = _values(config)
        example = self._examples.setdefault(structure, values)
        self._inputs |= _differing(values, example)

    def guess(self, config: Any) -> str | None:
        """Return the structure that a config probably has, or None."""
        values = _values(config)
        for structure, example in self._examples.items():
            if _differing(values, example) <= self._inputs:
                return structure
        return None


def _values(config: Any) -> dict[str, Any]:
    """Return a config's values by name; a zero has a name of its own."""
    return {
        f"{name} = 0" if isinstance(value, int | float) and value == 0 else name: value
        for name, value in leaves(config)
    }


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    names = one.keys() | other.keys()
    return {name for name in names if one.get(name, _MISSING) != other.get(name, _MISSING)}


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a config, by the names of its fields."""
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from leaves(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}")
    else:
        yield name, value
