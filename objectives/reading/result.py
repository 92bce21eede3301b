"""Parts, labels, weights and details put together as `Data`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput, Data, Part, Source
from objectives.judging import threshold
from objectives.reading import counted, names, quoted, shown, splits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives.reading.targets import Target

    Rows = NDArray[np.int64]

CHOICES = {
    "nan": ("impute", "refuse"),
    "weights": ("off", "balanced"),
    "threshold_for": threshold.CHOICES,
}
NAMES = {"ignore", "categorical", "numeric"}  # the options that are lists of columns
Row = tuple[str, str, str]


def check_options(source: Source, understood: set[str], what: str) -> None:
    """Raise BadInput for an option that this reader does not have, or a value it cannot be."""
    for name, value in source.options.items():
        if value and name not in understood:
            raise BadInput(f"--{_option(name)} {value!r}: {what} have no such option")
    for name, choices in CHOICES.items():
        value = source.options.get(name)
        if value and value not in choices:
            raise BadInput(f"--{_option(name)} {value!r}: choose {' or '.join(choices)}")


def _option(name: str) -> str:
    return name.replace("_", "-")


def resolved(source: Source, columns: Collection[str] = ()) -> Source:
    """Return the source with its lists of names as such, found among the columns."""
    given = {option: value for option, value in source.options.items() if value}
    found = {option: list(names(given[option], columns)) for option in NAMES & given.keys()}
    return dataclasses.replace(source, options=given | found)


def made(
    found: Target,
    source: Source,
    groups: NDArray[Any] | None,
    make: Callable[[tuple[Rows, Rows, Rows]], Data],
) -> Data:
    """Return what is made of the labelled rows of each part, and of each fold for itself."""
    held = None if groups is None else groups[found.rows]
    parts = splits.parts(found.y, source, found.classes, held)
    if source.joined:
        ((train, validation, test),) = parts
        parts = [(np.concatenate([train, validation]), validation, test)]
    whole, *folds = map(make, parts)
    if not folds:
        return whole
    plain = joined([fold.preprocessing or {} for fold in (whole, *folds)])
    return dataclasses.replace(whole, folds=tuple(folds), preprocessing=plain, digest="")


def joined(plains: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the preprocessing of a model that holds one for each fold: all that any takes.

    A column may be constant in one fold's training rows, and left out there. The first
    preprocessing, of all rows, says what is typical of a column; no model is made with it.
    """
    first, *folds = plains
    if first["kind"] == "sequence" or "matrix" in first:
        double = any(flag for plain in folds for flag in plain["numbers"]["double"])
        doubled = [double] * len(first["numbers"]["double"])
        return {**first, "numbers": {**first["numbers"], "double": doubled}}
    inputs: dict[str, dict[str, Any]] = {}
    stats: dict[str, dict[str, Any]] = {}
    categories: dict[str, Mapping[str, Any]] = {}
    for plain in plains:
        for place, one in enumerate(plain["inputs"]):
            name, known = one["input"], plain["numbers"].items()
            inputs.setdefault(name, dict(one))
            stats.setdefault(name, {key: values[place] for key, values in known})
            if one.get("double"):
                inputs[name]["double"] = stats[name]["double"] = True
        for one in plain["categories"]:
            categories.setdefault(one["input"], one)
    taken = {one["input"] for plain in folds for one in (*plain["inputs"], *plain["categories"])}
    numbers = [name for name in inputs if name in taken]
    return {
        **first,
        "numbers": {key: [stats[name][key] for name in numbers] for key in first["numbers"]},
        "inputs": [inputs[name] for name in numbers],
        "categories": [one for name, one in categories.items() if name in taken],
    }


def finish(
    xs: Sequence[NDArray[np.float32]],
    found: Target,
    rows: Sequence[Rows],
    source: Source,
    task: str,
    *,
    preprocessing: Mapping[str, Any],
    lines: list[Row],
    warnings: list[str],
    extra: Mapping[str, Any] | None = None,
) -> Data:
    """Return the data of three parts' inputs. lines: one (column, what, why) for each column."""
    weights = (
        _class_weights(found, rows[0]) if source.options.get("weights") == "balanced" else None
    )
    notes = []
    if weights:
        shares = np.bincount(found.labels[rows[0]]) / len(rows[0])  # type: ignore[index]
        notes.append(
            "--weights balanced: the chances are those of classes that are equally common; a rare "
            f"class ({shares.min():.1%} of the rows) gets far larger ones than it has. Without "
            "weights they mean what they say"
        )
    parts = []
    for place, (x, part) in enumerate(zip(xs, rows, strict=True)):
        y = found.y[part]
        # Keras's class weights reach the training loss alone: the other parts carry the same
        # ones as sample weights, so that their losses can be compared with it.
        weight = None
        if weights and place:
            weight = np.array([weights[c] for c in range(len(weights))], np.float32)[
                y.astype(np.int64)
            ]
        parts.append(Part(x, y, weight))
    details = {
        "task": task,
        "classes": found.classes,
        "columns": [list(line) for line in lines],
        "warnings": warnings,
        "notes": notes,
        **(extra or {}),
    }
    options = resolved(source).options
    if found.positive is not None:
        options = {"threshold_for": threshold.CHOICES[0], **options}
    train, validation, test = parts
    return Data(
        train,
        validation,
        test,
        source=dataclasses.replace(
            source,
            positive=found.positive,
            options=options,
            arrays=None if source.path else (),
            kind=splits.kind(source),
        ),
        class_weight=weights,
        details={key: value for key, value in details.items() if value not in (None, [])},
        preprocessing={**preprocessing, "target_offset": found.offset}
        if found.offset
        else dict(preprocessing),
    )


def _class_weights(found: Target, train: Rows) -> dict[int, float] | None:
    """Return weights by which all classes weigh equally; of numbers there are none."""
    if found.labels is None:
        return None
    counts = np.bincount(found.labels[train], minlength=len(found.classes))
    return {label: len(train) / (len(counts) * int(count)) for label, count in enumerate(counts)}


def target_line(name: str, found: Target, total: int) -> Row:
    """Return the label's line: its classes and their shares, and the rows left out."""
    dropped = total - len(found.rows)
    left = f"; {counted(dropped, 'row')} without a label left out" if dropped else ""
    if found.labels is None:
        y = found.y.astype(np.float64)
        digits = 10 if found.offset else 4
        says = f"mean {y.mean() + found.offset:.{digits}g}, standard deviation {y.std():.4g}"
        return (name, "target", says + left)
    shares = np.bincount(found.labels) / len(found.y)
    named = [
        f"{shown(label, 30)} {share:.1%}"
        for label, share in zip(found.classes[:10], shares, strict=False)
    ]
    more = f" and {len(found.classes) - 10} more" if len(found.classes) > 10 else ""
    says = f"{len(found.classes)} classes: " + ", ".join(named) + more
    if found.positive is not None:
        says += f"; {quoted(found.positive)} is the positive one"
    return (name, "target", says + left)
