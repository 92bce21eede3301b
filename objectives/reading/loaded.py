"""Numbers that no net learns from, in the arrays that a user's `load` gave."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Data, Source
from objectives.data import PARTS
from objectives.reading import counted, listing
from objectives.structures import named, plain_arrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.bool_]

AT_ONCE = 1 << 16  # rows
LOG = logging.getLogger("sweeps")


def in_folds(data: Data, source: Source) -> Data:
    """Return the data. Raises BadInput where they are not in the folds that were asked for."""
    if source.folds in (0, len(data.folds)):
        return data
    own = "they are data sets"
    if data.stream is None:
        own = "they come with a validation part of their own"
    if "said" in data.details:
        own = "the function reads them itself"
    raise BadInput(
        f"--folds {source.folds}: these data cannot be divided into folds: {own}; leave --folds "
        "out, or give one table, such as (x, y)"
    )


def with_warnings(data: Data) -> Data:
    """Return data with a warning for inputs that are NaN or infinite, which some layers mask.

    What a table's reader has looked at is passed over. Raises BadInput for such targets.
    """
    if "columns" in data.details or data.stream is not None or "said" in data.details:
        return data
    parts = [getattr(data, name) for name in PARTS]
    total = sum(map(len, parts))
    for key in ("y", "sample_weight"):
        for name, arrays in _named(key, [getattr(part, key) for part in parts]):
            what, rows, _ = _odd(arrays)
            if rows:
                raise BadInput(
                    f"{name} is {what} in {rows:,} of {counted(total, 'row')}, and so would the "
                    "loss be: leave them out, or fill them"
                )
    found = []
    for name, arrays in _named("x", [part.x for part in parts]):
        what, rows, places = _odd(arrays)
        if rows:
            where = f" ({places})" if places else ""
            found.append(
                f"{name} is {what} in {rows:,} of {counted(total, 'row')}{where}: a net without "
                "a layer that masks or fills them has a loss of NaN"
            )
    for line in found:
        LOG.warning("%s", line)
    if not found:
        return data
    return dataclasses.replace(data, details={**data.details, "warnings": found})


def _named(name: str, parts: list[Any]) -> Iterator[tuple[str, list[NDArray[Any]]]]:
    """Give each array of a structure with its name, in all parts."""
    known = [dict(named(part, name)) for part in parts if part is not None]
    for place in dict.fromkeys(place for part in known for place in part):
        yield place, [plain_arrays(part[place])[-1] for part in known if place in part]


def _odd(arrays: list[NDArray[Any]]) -> tuple[str, int, str]:
    """Return what is in them that is no finite number, in how many rows, and in which columns."""
    if arrays[0].dtype.kind not in "fc":
        return "", 0, ""
    rows, nan, infinite, last = 0, False, False, set()
    for array in arrays:
        for start in range(0, len(array), AT_ONCE):
            piece = array[start : start + AT_ONCE]
            odd = ~np.isfinite(piece)
            if not odd.any():
                continue
            rows += int(odd.reshape(len(odd), -1).any(axis=1).sum())
            nan |= bool(np.isnan(piece).any())
            infinite |= bool(np.isinf(piece).any())
            if odd.ndim > 1:
                last.update(np.flatnonzero(odd.any(axis=tuple(range(odd.ndim - 1)))).tolist())
    kind = "column" if arrays[0].ndim == 2 else "channel"
    places = f"{kind}{'s' * (len(last) > 1)} {listing(sorted(last))}" if last else ""
    return " or ".join(["NaN"] * nan + ["infinite"] * infinite), rows, places
