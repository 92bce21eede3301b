"""What a data set's details say of its source, so that the same data can be read again."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from objectives import Source
from objectives.reading import names

OPTIONS = ("ignore", "categorical", "numeric", "id", "time", "nan", "weights", "threshold_for")
NAMES = {"ignore", "categorical", "numeric"}


def resolved(source: Source, columns: Collection[str]) -> Source:
    """Return the source with its lists of names as such, found among the columns."""
    given = source.options
    found = {option: names(given[option], columns) for option in NAMES if given.get(option)}
    return dataclasses.replace(source, options={**given, **found})


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
