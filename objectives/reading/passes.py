"""One pass over a data set that Keras reads in batches, each of them checked.

No library is imported here: whoever gives a data set has imported its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from objectives import BadInput
from objectives.data import FIELDS
from objectives.reading.parts import check_rows, structures
from objectives.structures import leaves, named

LOOKED_AT = 2  # batches, which stand for a data set where nobody gives its version
UNBATCHED = 32  # rows that are looked at at once
INFINITE, UNKNOWN = -1, -2  # as tf.data counts


def is_batched(stream: Any) -> bool:
    """Return whether a data set gives batches, as Keras takes it, and not single rows."""
    spec = getattr(stream, "element_spec", None)
    if spec is None:
        return True
    first = {tuple(leaf.shape)[:1] for leaf in leaves(spec)}
    return len(first) == 1 and first != {()}


def batches(stream: Any) -> int:
    """Return how many there are, or `INFINITE` or `UNKNOWN`."""
    if hasattr(stream, "cardinality"):
        return int(stream.cardinality())
    try:
        count = stream.num_batches if hasattr(stream, "num_batches") else len(stream)
    except (TypeError, NotImplementedError):
        raise BadInput(
            f"the PyDataset {type(stream).__name__} has no __len__: give it the number of batches"
        ) from None
    return INFINITE if count is None else int(count)


def _each(stream: Any) -> Iterator[Any]:
    """Yield the batches of one pass as NumPy has them."""
    if hasattr(stream, "as_numpy_iterator"):
        yield from stream.as_numpy_iterator()
    else:
        count = batches(stream)
        yield from (stream[at] for at in (range(count) if count >= 0 else itertools.count()))


def batched(stream: Any, rows: int) -> Any:
    """Return a data set of batches, of that many rows where it gives single ones."""
    return stream if is_batched(stream) else stream.batch(rows)


def passed(
    stream: Any, name: str, *, most: int | None = None, alike: bool = False
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield x, y and weights of each batch of one pass.

    Args:
        stream: A data set.
        name: Of its part.
        most: The greatest number of batches.
        alike: Whether the rows of all batches have to be of one shape, as those of an array.
            Else a data set of Keras's may vary as its first two batches do.

    Raises:
        BadInput: Names the batch that another kind of rows came in, or in which the data set
            raised, and what.
    """
    each = _each(batched(stream, UNBATCHED))
    seen: list[dict[str, Any]] = []
    for place in itertools.count(1) if most is None else range(1, most + 1):
        try:
            batch = next(each, None)
        except BadInput:
            raise
        except Exception as fault:
            raise BadInput(
                f"the {name} data set raises in its batch {place}: {_raised(fault)}"
            ) from fault
        if batch is None:
            return
        found = _triple(batch, name)
        form = _form(found)
        seen = [*seen, form][:LOOKED_AT]
        first, *second = seen
        fixed = alike or (second == [first] and not hasattr(stream, "element_spec"))
        for label in {**first, **form}:
            one, other = form.get(label), first.get(label)
            if one != other and (fixed or None in (one, other)):
                has = f"{label} with rows of the shape {one}, and its first one {other}"
                if one is None:
                    has = f"no {label}, and its first one has"
                elif other is None:
                    has = f"{label}, and its first one has not"
                raise BadInput(f"batch {place} of the {name} data set has {has}")
        yield found


def _form(parts: tuple[Any, Any, Any]) -> dict[str, Any]:
    """Return the shape of the rows of each array of a batch, by its name."""
    return {
        label: leaf.shape[1:]
        for field, structure in zip(FIELDS, parts, strict=True)
        for label, leaf in named(structure, field)
        if leaf is not None
    }


def _raised(fault: Exception) -> str:
    """Return what was raised, in one line: what Python raised within TensorFlow, where it did."""
    from objectives.training.errors import cause

    line = cause(type(fault).__name__, str(fault))
    _, _, inner = line.partition(": ")
    return inner if re.match(r"\w+(Error|Exception): ", inner) else line


def _triple(batch: Any, name: str) -> tuple[Any, Any, Any]:
    """Return x, y and weights of a batch, as Keras tells them apart. Raises BadInput."""
    given = batch if isinstance(batch, (tuple, list)) else (batch,)
    if len(given) not in (1, 2, 3):
        raise BadInput(
            f"the {name} data set gives a {type(batch).__name__} of {len(given)}: each batch has "
            "to be (x, y), (x, y, sample_weight), or x alone where the model needs no y"
        )
    x, y, weight = (*given, None, None)[:3]
    try:
        found = structures(x, y, weight)
        check_rows(*found)
    except BadInput as fault:
        raise BadInput(f"the {name} data set: {fault}") from None
    return found
