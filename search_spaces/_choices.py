"""Choices of any kind as plain data: what Optuna, files and other processes can hold."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from typing import Any

from search_spaces._bad_input import BadInput

PLAIN = (bool, int, float, str, type(None))


def plain(value: Any) -> Any:
    """Return a value as JSON would give it back: tuples are lists, functions are their names."""
    if isinstance(value, enum.Enum):
        return value.name
    if type(value) in PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return value.tolist()
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return getattr(value, "__name__", value) if callable(value) else value


def label(choice: Any) -> bool | int | float | str | None:
    """Return what stands for a choice in Optuna's store: lists and dicts as their JSON.

    Raises BadInput for what is neither plain data nor has a name.
    """
    value = plain(choice)
    if type(value) in PLAIN:
        return value  # type: ignore[no-any-return]
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        raise BadInput(
            f"suggest_categorical: {choice!r} cannot be a choice; choices are None, True and "
            "False, numbers, text, functions, classes, and lists, tuples or dicts of these: "
            "let build look the object up by a name"
        ) from None


def match(value: Any, choices: Iterable[Any]) -> Any:
    """Return the choice that plain data stand for, the value itself where none does."""
    wanted = _key(value)
    return next((choice for choice in choices if _key(choice) == wanted), value)


def _key(value: Any) -> tuple[type, str]:
    found = plain(value)
    return type(found), json.dumps(found, default=repr)
