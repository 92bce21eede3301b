"""The error of bad input; `objectives.BadInput` is its public name."""

from __future__ import annotations


class BadInput(ValueError):
    """The user's input is at fault: one clear line that repeats it and says what to do."""
