"""What a user's `build` gave, if it is no compiled model: refused with what to write."""

from __future__ import annotations

from typing import Any

import keras

from objectives.reading import shown
from objectives.training import NoModel


def require_model(given: Any, *, first: bool) -> None:
    """Raise where `build` gave anything but one compiled model.

    Args:
        given: What it returned.
        first: Whether it gave no model before: then no trial can be trained. Else it may be one
            branch of `build` alone that gives none.

    Raises:
        NoModel: If it is the first.
        TypeError: If it is a later one, so that this trial alone fails.
    """
    if isinstance(given, keras.Model) and given.compiled:
        return
    line = f"build gave {_named(given)}: {_instead(given)}"
    raise NoModel(line) if first else TypeError(line)


def _named(given: Any) -> str:
    if given is None:
        return "None"
    if isinstance(given, keras.Model):
        return f"a {type(given).__name__} that is not compiled"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    if isinstance(given, tuple | list):
        parts = ", ".join(type(part).__name__ for part in given[:4])
        return (
            f"a {type(given).__name__} of {parts}" if given else f"an empty {type(given).__name__}"
        )
    return f"{shown(repr(given))} ({type(given).__name__})"


def _instead(given: Any) -> str:
    if isinstance(given, keras.Model):
        return "call model.compile(optimizer, loss) in it, before it returns the model"
    if isinstance(given, type):
        return "let it return a compiled model of that class"
    if isinstance(given, keras.callbacks.History):
        return "let it return the compiled model itself, and leave model.fit out"
    return "let it end with `return model`, one compiled keras.Model"
