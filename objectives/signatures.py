"""What a function of the user's has to be called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def required(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a call has to give by position."""
    import inspect

    empty, positional = inspect.Parameter.empty, inspect.Parameter.POSITIONAL_OR_KEYWORD
    found = inspect.signature(function).parameters.values()
    return [one.name for one in found if one.default is empty and one.kind is positional]
