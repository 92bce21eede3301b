"""What a user's `load` gives: arrays that are split, parts of the user's own, or whole data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from objectives import PARTS, BadInput, Data, Part, Source
from objectives.reading import streams
from objectives.reading.parts import check_rows, cleaned, structures
from objectives.reading.simple import outputs_of, part_of, split, with_validation
from objectives.structures import leaves, named, nested

if TYPE_CHECKING:
    from objectives import Objective

TAKES = (
    "(x, y), (x, y, sample_weight), (x, None) where the model needs no y, a tuple of two such for "
    "training and validation, or of three with the test part, a Data, or two or three "
    "tf.data.Dataset or keras.utils.PyDataset"
)


def in_hand(source: Source, objective: Objective[Any]) -> Data:
    """Return the data of arrays that Python has in hand. Raises BadInput."""
    arrays = source.arrays or ()
    if any(map(streams.is_stream, arrays)):
        raise BadInput("data is a tuple of data sets: let load make them, anew for each trial")
    if objective.from_arrays is None:
        return data_of(arrays, source, objective)
    if len(arrays) != 2:
        raise BadInput(f"data is a tuple of {len(arrays)}: this sweep takes (X, y)")
    return objective.from_arrays(*arrays, source)


def data_of(loaded: Any, source: Source, objective: Objective[Any]) -> Data:
    """Return the data of what `load` gave. Raises BadInput where it is nothing of the kind."""
    weights, stratify = objective.class_weight, objective.stratify
    notes: list[str] = []
    parts: bool | None = None
    if any(hasattr(one, "__next__") for one in streams.several(loaded)):
        raise BadInput(
            "load gave a generator, which gives its batches only once: wrap it in "
            "tf.data.Dataset.from_generator(function, output_signature=...), or write a "
            "keras.utils.PyDataset"
        )
    if any(map(streams.is_stream, streams.several(loaded))):
        if not objective.materialize:
            return _one_task(streams.data_of(source, objective), objective)
        parts = len(streams.several(loaded)) > 1
        loaded, notes = streams.materialized(source, objective)
    if isinstance(loaded, Data):
        data = loaded
        if weights is not None:
            folds = tuple(
                dataclasses.replace(fold, class_weight=weights, digest="") for fold in data.folds
            )
            data = dataclasses.replace(data, class_weight=weights, folds=folds, digest="")
    elif not isinstance(loaded, tuple) or len(loaded) not in (1, 2, 3):
        raise BadInput(f"load gave {_kind(loaded)}: it has to give {TAKES}")
    elif not (_are_parts(loaded) if parts is None else parts):
        x, y, weight = (*loaded, None, None)[:3]
        data = split(x, y, source, weight, stratify=stratify, class_weight=weights)
    elif len(loaded) == 2:
        data = with_validation(*loaded, source, stratify=stratify, class_weight=weights)
    else:
        train, validation, test = map(_part, loaded, PARTS)
        data = Data(train, validation, test, source=source, class_weight=weights)
    if isinstance(stratify, str):
        outputs_of(data.train.y, stratify)
    if notes:
        data = dataclasses.replace(data, details={**data.details, "notes": notes})
    return _one_task(data, objective)


def _one_task(data: Data, objective: Objective[Any]) -> Data:
    """Return the data. Raises BadInput where the task is one output's, and there are several."""
    if data.train.y is None and (data.class_weight is not None or objective.task is not None):
        raise BadInput("load gives no y: leave out task and class_weight, which are of y")
    if objective.task is not None and nested(data.train.y):
        names = ", ".join(name for name, _ in named(data.train.y, "y"))
        raise BadInput(
            f"task={objective.task!r} scores one output, and there are {names}: leave it out, or "
            "give Objective(scores=...) in its place"
        )
    return data


def _kind(loaded: Any) -> str:
    if isinstance(loaded, tuple):
        return f"a tuple of {len(loaded)}"
    if loaded is None:
        return "None"
    kind = type(loaded).__name__
    return f"{'an' if kind[0] in 'aeiouAEIO' else 'a'} {kind}"


def _part(given: tuple[Any, ...], name: str) -> Part:
    found = structures(*given)
    check_rows(*found, prefix=f"{name}: ")
    return part_of(found)


def _are_parts(loaded: tuple[Any, ...]) -> bool:
    """Return whether a tuple holds parts, each (x, y) or (x, y, sample_weight).

    Inputs in a tuple, and outputs in another, look alike: there all have equally many rows, and
    are of other shapes than the parts of one table. Raises BadInput where both may be.
    """
    if not all(isinstance(one, tuple) and len(one) in (2, 3) for one in loaded):
        return False
    try:
        whole = [[cleaned(array, "x", one[0]) for array in one] for one in loaded]
    except BadInput:  # (x, y) whose tuples hold what is no array of its own
        return True
    if any(isinstance(array, Mapping) for one in whole for array in one):
        return True
    alike = len({tuple(map(_shapes, one)) for one in whole}) == 1
    counts = {len(leaf) for one in whole for leaf in leaves(one)}
    if alike and len(counts) == 1 and _as_likely_inputs(whole[0]):
        raise BadInput(
            "load gave a tuple of tuples of arrays of the same shapes, which may be parts, or "
            "inputs and outputs: give several inputs or outputs as a list or a dict, and parts "
            "as Data((x, y), (x, y), (x, y))"
        )
    return alike or len(counts) > 1


def _as_likely_inputs(part: list[Any]) -> bool:
    """Return whether x and y of a part may be two inputs, and those of the next two outputs.

    All rows are of one shape, or all are floats, as what is decoded is.
    """
    if any(map(nested, part)):
        return False
    one = {array.shape[1:] for array in part}
    return len(one) == 1 or all(array.dtype.kind == "f" for array in part)


def _shapes(structure: Any) -> tuple[Any, ...]:
    return tuple((name, leaf.shape[1:], leaf.dtype.kind) for name, leaf in named(structure))
