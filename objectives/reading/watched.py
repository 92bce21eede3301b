"""Whether a user's `load` looks at what it is given."""

from __future__ import annotations

from typing import Any

from objectives import Source


class Watched(Source):
    """A source that notes in `seen` which of its fields were looked at."""

    seen: set[str]

    def __new__(cls, *_: Any, **__: Any) -> Watched:  # noqa: D102
        found = super().__new__(cls)
        object.__setattr__(found, "seen", set())
        return found

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name != "seen":
            self.seen.add(name)
        return super().__getattribute__(name)
