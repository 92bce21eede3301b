"""Data sets that Keras reads in batches: `tf.data.Dataset` and `keras.utils.PyDataset`.

They stay what they are, and `fit` trains from them as they are; or they are read into arrays. No
library is imported here: whoever gives a data set has imported its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import PARTS, BadInput, Data, Part, Source
from objectives.reading import check_memory, size
from objectives.reading.passes import (
    INFINITE,
    LOOKED_AT,
    batches,
    is_batched,
    passed,
)
from objectives.reading.ragged import joined
from objectives.structures import leaves, nested, packed, plain_arrays

if TYPE_CHECKING:
    from objectives import Objective


def is_stream(given: Any) -> bool:
    """Return whether this is a data set of TensorFlow's or of Keras's."""
    homes = {(kind.__module__.split(".")[0], kind.__name__) for kind in type(given).__mro__}
    return bool(homes & {("tensorflow", "DatasetV2"), ("keras", "PyDataset")})


def data_of(source: Source, objective: Objective[Any]) -> Data:
    """Return data whose parts `fit` reads from the data sets that load gives. Raises BadInput.

    Their arrays are the first rows, for shapes and types. Without a third data set, the
    validation part is the test part too.
    """
    found = _looked(objective, source)
    if isinstance(objective.stratify, str):
        raise BadInput(f"stratify={objective.stratify!r}: data sets are not split; leave it out")
    if len(found) == 1:
        raise BadInput(
            "load gave one data set, which cannot be split: give (train, validation) or (train, "
            "validation, test), or Objective(materialize=True) to read it into arrays"
        )
    if nested(found[0].part.y) and objective.class_weight is not None:
        raise BadInput("class_weight is for one output where data sets are given: weigh the rows")
    mark = [objective.version] if objective.version else [one.seen for one in found]
    notes = ["fit trains from the data sets as they are"]
    if not objective.version:
        if mark != [one.seen for one in _looked(objective, source)]:
            raise BadInput(
                "the first batches of the data sets differ each time that load is called: name "
                "the data yourself, Objective(version=...)"
            )
        notes[0] += f"; the study knows them by their first {LOOKED_AT} batches"
    if all(one.bytes for one in found):
        whole = _size(sum(one.bytes for one in found))
        notes.append(
            f"Objective(materialize=True) reads them into arrays ({whole}) once: whole epochs are "
            "compiled then, with rows shuffled anew in each, in batches of batch_size"
        )
    if len(found) == 2:
        notes.append("there is no test data set: the test scores are of the validation part")
        found.append(found[1])
    stream = {name: one.plain for name, one in zip(PARTS, found, strict=True)}
    content = json.dumps([mark, list(stream.values()), objective.class_weight], sort_keys=True)
    train, validation, test = (one.part for one in found)
    return Data(
        train,
        validation,
        test,
        source=source,
        digest=hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest(),
        class_weight=objective.class_weight,
        details={"notes": notes},
        stream=stream,
    )


def materialized(source: Source, objective: Objective[Any]) -> tuple[Any, list[str]]:
    """Return what `load` may give in place of data sets, read once, and what is to be said of it.

    Raises BadInput for an endless data set, and for one that does not fit in memory.
    """
    notes, found = [], []
    with seeded(0):
        given = several(objective.load(source))
        for stream, name in zip(given, PARTS, strict=False):
            looked = _looked_at(stream, name)
            check_memory(looked.bytes * 2.0, f"the {name} data set", "leave materialize out")
            if looked.seen != _looked_at(stream, name).seen:
                notes.append(
                    f"the {name} data set gives something else in each pass (shuffled, or drawn "
                    "anew): one pass is what is trained on"
                )
            parts = list(passed(stream, name, alike=True))
            columns = zip(*map(leaves, parts), strict=True)
            whole = (None if one[0] is None else joined(list(one)) for one in columns)
            x, y, weight = packed(parts[0], whole)
            found.append((x, y) if weight is None else (x, y, weight))
    total = sum(leaf.nbytes for part in found for leaf in leaves(part) if leaf is not None)
    notes.append(
        f"the data sets were read into arrays ({_size(total)}): every epoch shuffles the rows, in "
        "batches of batch_size, not in those of the data set"
    )
    return (found[0] if len(found) == 1 else tuple(found)), notes


def _size(count: float) -> str:
    return size(count) if count >= 1e6 else "under 1 MB"


def several(loaded: Any) -> tuple[Any, ...]:
    """Return data sets as a tuple."""
    return loaded if isinstance(loaded, tuple) else (loaded,)


@dataclasses.dataclass(frozen=True)
class Looked:
    """What is known of a data set.

    part: its first rows. seen: their digests. plain: its length, as plain data. bytes: of all its
    rows, 0 where nobody knows their number.
    """

    part: Part
    seen: list[str]
    plain: dict[str, Any]
    bytes: int


def _looked(objective: Objective[Any], source: Source) -> list[Looked]:
    with seeded(0):
        given = several(objective.load(source))
        if len(given) > len(PARTS):
            raise BadInput(f"load gave {len(given)} data sets: give two, or three with the test")
        steps = callable(objective.fit) or "steps_per_epoch" in (objective.fit or {})
        ends = {name: steps and name == PARTS[0] for name in PARTS}
        return [
            _looked_at(stream, name, endless=endless)
            for stream, (name, endless) in zip(given, ends.items(), strict=False)
        ]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed what data sets draw from; give Python and NumPy their own state back."""
    import keras

    states = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _looked_at(stream: Any, name: str, *, endless: bool = False) -> Looked:
    """Return what the first batches of a data set tell. Raises BadInput.

    endless: whether it may have no end.
    """
    if not is_stream(stream):
        kind = type(stream).__name__
        raise BadInput(f"{name} is a {kind}, and others are data sets: give data sets alone")
    count = batches(stream)
    if count == INFINITE and not endless:
        raise BadInput(
            f"the {name} data set has no end: cut it, as with .take(batches)"
            + ", or give Objective(fit={'steps_per_epoch': N})" * (name == PARTS[0])
        )
    parts = list(passed(stream, name, most=LOOKED_AT))
    if not parts:
        raise BadInput(f"the {name} data set is empty")
    seen = [_digest(leaf) for part in parts for leaf in leaves(part)]
    x, y, weight = parts[0]
    rows = len(leaves(x)[0])
    total = None if count < 0 else count * (rows if is_batched(stream) else 1)
    each_row = sum(leaf.nbytes for leaf in leaves(parts[0]) if leaf is not None) / rows
    plain = {"batches" if is_batched(stream) else "rows": total and count, "size": rows}
    return Looked(Part(x, y, weight, total=total), seen, plain, int(each_row * (total or 0)))


def _digest(leaf: Any) -> str:
    if leaf is None:
        return ""
    found = hashlib.sha1(usedforsecurity=False)
    for array in plain_arrays(leaf):
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
