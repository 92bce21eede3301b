"""The label column: two classes, several, or numbers; and which command is for which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from objectives import BadInput
from objectives.reading import listing, quoted, similar
from objectives.reading.scaling import COARSE, check_distinct, rounding
from objectives.reading.values import Dates, Numbers, Text, text, values

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 30  # distinct whole numbers up to which they may be classes
MANY = 1000  # classes at most
YES = ("yes", "true", "1", "y", "t", "positive", "pos", "1.0", "present", "bad", "fraud")
Commands = Mapping[str, str]  # by task
TABLES: Commands = {
    "binary": "python -m sweeps.dense_binary",
    "multiclass": "python -m sweeps.dense_multiclass",
    "regression": "python -m sweeps.dense_regression",
}
SEQUENCES: Commands = {
    "binary": "python -m sweeps.sequence_binary",
    "multiclass": "python -m sweeps.lstm_recall",
    "regression": "python -m sweeps.sequence_regression",
}


@dataclass(frozen=True)
class Target:
    """y: of the labelled rows, float32 or int32 class numbers. rows: which rows those are.

    classes: names in the order of their numbers, empty for numbers. positive: the class that
    is 1, for two classes. offset: what was taken off numbers that float32 would round too
    coarsely.
    """

    y: NDArray[Any]
    rows: NDArray[np.int64]
    classes: list[str]
    positive: str | None
    offset: float = 0.0

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """Class numbers, or None."""
        return self.y.astype(np.int64) if self.classes else None


def target(
    column: pa.ChunkedArray,
    name: str,
    task: str,
    positive: str | None,
    commands: Commands = TABLES,
) -> Target:
    """Return the labels of a task: `binary`, `multiclass` or `regression`.

    Raises BadInput where the column is for another task, whose command it names.
    """
    if task == "regression":
        if positive is not None:
            raise BadInput(f"--positive {positive!r}: numbers have no positive class")
        return _numbers(column, name, commands)
    _refuse_infinite(column, name)
    found = text(column)
    rows = np.flatnonzero(found.codes >= 0)
    used = np.unique(found.codes[rows])
    if len(used) == 0:
        raise BadInput(f"target {name!r} is empty in every row")
    _check_classes(column, name, task, len(used), found, commands)
    names = [level.as_py() for level in found.levels.take(pa.array(used))]
    order = sorted(range(len(names)), key=lambda place: _order(names[place]))
    number = np.full(len(found.levels), -1, np.int64)
    number[used[order]] = np.arange(len(order))
    labels = number[found.codes[rows]]
    classes = [names[place] for place in order]
    if len(classes) == 2:
        chosen = _positive(classes, np.bincount(labels), positive, name)
        if chosen == 0:
            classes, labels = classes[::-1], 1 - labels
    elif positive is not None:
        raise BadInput(f"--positive {positive!r}: {name!r} has {len(classes)} classes, not two")
    kind = np.float32 if task == "binary" else np.int32
    return Target(labels.astype(kind), rows, classes, classes[1] if len(classes) == 2 else None)


def _numbers(column: pa.ChunkedArray, name: str, commands: Commands) -> Target:
    found = values(column, name, advice="")
    if isinstance(found, Text):
        example = found.levels[0].as_py() if len(found.levels) else ""
        other = "binary" if len(found.levels) == 2 else "multiclass"
        raise BadInput(
            f"target {name!r} holds text ({quoted(example)}) where numbers belong; for classes "
            f"there is {commands[other]}"
        )
    if not isinstance(found, Numbers):
        what = "dates" if isinstance(found, Dates) else "nothing"
        raise BadInput(f"target {name!r} holds {what} where numbers belong")
    if found.strays:
        raise BadInput(
            f"target {name!r} holds {quoted(found.strays[0])} where numbers like "
            f"{quoted(found.example)} belong: mend it or leave the cell empty"
        )
    y = found.values.astype(np.float64)
    rows = np.flatnonzero(~np.isnan(y))
    y = y[rows]
    distinct = len(np.unique(y[:100_000]))
    if len(y) and np.abs(y).max() > 1e15:
        row = rows[int(np.argmax(np.abs(y)))]
        raise BadInput(
            f"target {name!r}: {column[int(row)].as_py()} (row {row + 1}) is infinite or "
            "too large, not below 1e15; take another unit, or the difference to a common value"
        )
    if distinct < 2 and len(np.unique(y)) < 2:
        only = f"{y[0]:g} in every row" if len(y) else "empty in every row"
        raise BadInput(f"target {name!r} is {only}: there is nothing to learn")
    if distinct == 2 and len(np.unique(y)) == 2:
        raise BadInput(
            f"target {name!r} has two values: for two classes there is {commands['binary']}"
        )
    offset = 0.0
    if rounding(y) > COARSE * float(y.std()):
        offset = float(np.float32(y.mean()))
    centred = (y - offset).astype(np.float32)
    check_distinct(y, centred, f"target {name!r}")
    return Target(centred, rows, [], None, offset)


def _refuse_infinite(column: pa.ChunkedArray, name: str) -> None:
    """Raise BadInput for a number without end, which is no class."""
    if pa.types.is_floating(column.type):
        bad = np.flatnonzero(np.isinf(column.to_numpy()))
        if len(bad):
            raise BadInput(
                f"target {name!r} is {column[int(bad[0])].as_py()} (row {bad[0] + 1}), which is "
                "no class: mend it, or leave the cell empty"
            )


def _check_classes(
    column: pa.ChunkedArray,
    name: str,
    task: str,
    distinct: int,
    found: Text,
    commands: Commands,
) -> None:
    """Raise BadInput where the number or kind of classes belongs to another task."""
    if distinct == 1:
        only = found.levels[int(found.codes.max())].as_py()
        raise BadInput(f"target {name!r} is {quoted(only)} in every row: one class only")
    if distinct > 2 and _continuous(column, distinct):
        raise BadInput(
            f"target {name!r} has {distinct:,} different numbers: for numbers there is "
            f"{commands['regression']}"
        )
    if task == "binary" and distinct > 2:
        levels: list[str] = found.levels.to_pylist()
        levels.sort(key=_order)
        names = listing(levels, limit=5)
        raise BadInput(
            f"target {name!r} has {distinct:,} classes ({names}): for more than two there is "
            f"{commands['multiclass']}"
        )
    if distinct > MANY:
        raise BadInput(f"target {name!r} has {distinct:,} different texts: are they classes?")


def _continuous(column: pa.ChunkedArray, distinct: int) -> bool:
    """Return whether numbers are broken, or too many to be classes."""
    if pa.types.is_floating(column.type):
        filled = column.to_numpy()
        filled = filled[np.isfinite(filled)]
        if np.any(filled != np.floor(filled)):
            return True
    elif not pa.types.is_integer(column.type):
        return False
    return distinct > FEW and len(column) / distinct < 20


def _order(name: str) -> tuple[int, float, str]:
    """Return a key that sorts numbers by value, before text by name."""
    value = _number(name)
    return (1, 0.0, name) if value is None else (0, value, name)


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None


def _positive(classes: list[str], counts: NDArray[np.int64], given: str | None, name: str) -> int:
    """Return which of two classes is the positive one: as given, by its word, or the rarer."""
    if given is not None:
        for same in (str.__eq__, _folded, _equal):
            found = [place for place, known in enumerate(classes) if same(known, given)]
            if len(found) == 1:
                return found[0]
        raise BadInput(
            f"--positive {given!r}: {name!r} has no such class; {similar(given, classes)}"
        )
    if all(_number(known) is not None for known in classes):
        return 1
    words = [place for place, known in enumerate(classes) if known.casefold() in YES]
    if len(words) == 1:
        return words[0]
    return 0 if counts[0] < counts[1] else 1


def _folded(known: str, given: str) -> bool:
    return known.casefold() == given.strip().casefold()


def _equal(known: str, given: str) -> bool:
    value = _number(given)
    return value is not None and value == _number(known)
