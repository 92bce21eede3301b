"""What a data set's details say of its source, so that the same data can be read again."""

from __future__ import annotations

from typing import Any

from objectives import Source
from objectives.reading import names

OPTIONS = ("ignore", "categorical", "numeric", "id", "time", "nan", "weights", "threshold_for")
NAMES = {"ignore", "categorical", "numeric"}


def details(source: Source, kind: str) -> dict[str, Any]:
    """Return what of a source the details of its data repeat: plain values alone."""
    found: dict[str, Any] = {"target": source.target, "positive": source.positive}
    for option in OPTIONS:
        value = source.options.get(option)
        if value:
            found[option] = list(names(value)) if option in NAMES else value
    found["split"] = {
        "kind": kind,
        "validation": source.validation,
        "test": source.test,
        "seed": source.seed,
    }
    if source.group is not None:
        found["split"]["group"] = source.group
    return found
