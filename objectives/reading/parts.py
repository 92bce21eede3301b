"""Arrays in the structures that Keras takes: made plain, and checked, with their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from objectives import BadInput
from objectives.data import FIELDS, PARTS, Data, Part
from objectives.reading import check_memory, listing, quoted, similar
from objectives.reading.arrays import rows_of
from objectives.reading.ragged import Ragged
from objectives.structures import CONTAINERS, is_array, items, leaves, mapped, named, nested

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

WIDE_TEXT = 1 << 28  # bytes, from which on text is kept as UTF-8 in place of four bytes a letter


def structures(x: Any, y: Any, weight: Any = None) -> tuple[Any, Any, Any]:
    """Return x, y and weights as structures of arrays, lists as tuples. Raises BadInput.

    A list of arrays is a structure, as Keras has it, unless it is as long as the other has rows
    and its arrays are not: then each of them is one row.
    """
    found = (cleaned(x, "x", y), *_or_none((y, weight), ("y", "sample_weight"), x))
    if found[1] is None and found[2] is not None:
        raise BadInput("sample_weight without y: Keras weighs losses of y alone; leave it out")
    return found


def _or_none(given: Iterable[Any], names: Iterable[str], x: Any) -> Iterator[Any]:
    for one, name in zip(given, names, strict=True):
        yield None if one is None else cleaned(one, name, x)


def cleaned(given: Any, name: str, other: Any = ()) -> Any:
    """Return one structure of arrays with their own types, text as strings. Raises BadInput."""
    if isinstance(given, Mapping) or (_holds_arrays(given) and not _is_rows(given, other)):
        if not len(given):
            raise BadInput(f"{name} is an empty {type(given).__name__}: give arrays, rows first")
        for key in given if isinstance(given, Mapping) else ():
            if not isinstance(key, str):
                raise BadInput(f"{name} has the key {key!r}: name its arrays by text")
        inner = {
            key: cleaned(value, place)
            for (key, value), place in zip(items(given), _places(given, name), strict=True)
        }
        return inner if isinstance(given, Mapping) else tuple(inner.values())
    return _array(given, name)


def _places(given: Any, name: str) -> Iterable[str]:
    return (
        f'{name}["{key}"]' if isinstance(key, str) else f"{name}[{key}]" for key, _ in items(given)
    )


def _holds_arrays(given: Any) -> bool:
    """Return whether a list or tuple consists of arrays, or of what consists of arrays."""
    if not isinstance(given, CONTAINERS) or not given:
        return False
    return all(
        isinstance(part, Mapping) or len(getattr(part, "shape", ())) > 0 or _holds_arrays(part)
        for part in given
    )


def _is_rows(given: Any, other: Any) -> bool:
    """Return whether a list of arrays is as long as the other structure, and they are not."""
    counts = _counts(other)
    return _first(given) not in counts and len(given) in counts


def _counts(given: Any) -> set[int]:
    found = set() if isinstance(given, Mapping) or not hasattr(given, "__len__") else {len(given)}
    inner = isinstance(given, Mapping) or _holds_arrays(given)
    return found | ({_first(given)} if inner and len(given) else set())


def _first(given: Any) -> int:
    """Return the rows of the first array of a structure."""
    while isinstance(given, Mapping) or _holds_arrays(given):
        given = next(iter(given.values() if isinstance(given, Mapping) else given))
    shape = getattr(given, "shape", None)
    return int(shape[0]) if shape else len(given) if hasattr(given, "__len__") else -1


def _array(given: Any, name: str) -> Array | Ragged:
    """Return one array with rows. Raises BadInput for what no net reads."""
    if np.ma.is_masked(given):
        raise BadInput(f"{name} has masked cells, which no net reads: fill them first")
    kind = type(given).__name__
    if isinstance(given, Ragged) or kind in ("RaggedTensor", "RaggedTensorValue"):
        return _ragged(given, name)
    if kind == "SparseTensor":
        raise BadInput(f"{name} is a {kind}: give an array, rows first; tf.sparse.to_dense(it)")
    if given is None:
        raise BadInput(f"{name} is None: give an array, rows first")
    if _of_unequal_length(given):
        raise BadInput(
            f"{name} has rows of unequal length, which Keras does not take: give "
            f"tf.ragged.constant({name[0]}) to a model that reads ragged rows, or pad them, "
            f"keras.utils.pad_sequences({name[0]}), and mask what was added"
        )
    array = rows_of(given, name)
    if array.ndim < 1:
        raise BadInput(f"{name} is {quoted(given)}, which has no rows: give an array, rows first")
    if array.dtype == object:
        if array.size and all(isinstance(cell, bytes) for cell in array.flat):
            array = array.astype(bytes)  # as TensorFlow gives text
        odd = [cell for cell in array.flat if not isinstance(cell, str | bytes)]
        if odd or not array.size:
            cell = quoted(odd[0]) if odd else "nothing"
            raise BadInput(f"{name} holds {cell} among objects: give numbers, or text alone")
        array = _text(array, name) if array.dtype == object else array
    if array.dtype.kind not in "fiubcSUV" or array.dtype.fields:
        raise BadInput(f"{name} holds {array.dtype}, which no net reads: give numbers, or text")
    if name.startswith("y") and array.dtype.kind in "OUS":
        raise BadInput(
            f"{name} is text ({quoted(array.ravel()[0])}), which no loss of Keras's takes: number "
            f"the classes, as numpy.unique({name[0]}, return_inverse=True) does"
        )
    if name.startswith("sample_weight") and array.dtype.kind not in "fiub":
        raise BadInput(f"{name} holds {array.dtype}: give a number for each row")
    return array


def _ragged(given: Any, name: str) -> Ragged:
    """Return rows of unequal length. Raises BadInput for those that no loss takes."""
    if not name.startswith("x"):
        raise BadInput(f"{name} has rows of unequal length, which no loss takes: pad them")
    found = given if isinstance(given, Ragged) else Ragged.from_tensor(given)
    if found.dtype == object:
        *splits, values = found.arrays
        text: Any = _array(values, name)
        made: Any = Ragged.of([*splits, text])
        return cast(Ragged, made)
    return found


def _of_unequal_length(given: Any) -> bool:
    """Return whether this is a list, or an array of objects, whose rows differ in length."""
    listed = isinstance(given, CONTAINERS) or (
        isinstance(given, np.ndarray) and given.dtype == object
    )
    if not listed or not all(isinstance(row, (*CONTAINERS, np.ndarray)) for row in given):
        return False
    try:
        return len({len(row) for row in given}) > 1
    except TypeError:  # an array of no dimension
        return False


def _text(array: Array, name: str) -> Array:
    """Return text as letters, or where one long text would make all of them wide, as UTF-8."""
    if max(map(len, array.flat)) * 4 * array.size <= WIDE_TEXT:
        return array.astype(str)
    found = [cell.encode() for cell in array.flat]
    width = max(map(len, found))
    check_memory(width * array.size * 2.0, f"{name}, as wide as its longest text", "cut it short")
    return np.array(found, f"S{width}").reshape(array.shape)


def check_rows(x: Any, y: Any, weight: Any = None, prefix: str = "") -> None:
    """Raise BadInput where not all arrays have equally many rows."""
    if is_array(x) and is_array(y) and len(x) != len(y):
        raise BadInput(
            f"{prefix}x has the shape {x.shape} and y {y.shape}: they need equally many rows"
        )
    (first, one), *others = [
        leaf
        for name, structure in zip(FIELDS, (x, y, weight), strict=True)
        if structure is not None
        for leaf in named(structure, name)
    ]
    if not len(one):
        raise BadInput(f"{prefix}{first} has no rows")
    for name, array in others:
        if len(array) != len(one):
            raise BadInput(
                f"{prefix}{first} has {len(one):,} rows, {name} {len(array):,}: they need equally "
                "many"
            )


def check_weights(y: Any, weight: Any, class_weight: Any = None) -> None:
    """Raise BadInput for weights of other outputs than y has."""
    if nested(weight):
        if not nested(y):
            raise BadInput(
                f"sample_weight has {listing(_names(weight, 'sample_weight'))}, and y "
                "is one array: give one weight a row"
            )
        _same(_names(y, ""), _names(weight, ""), "sample_weight", "y")
    pairs = zip(leaves(y), leaves(weight), strict=True) if nested(weight) else [(y, weight)]
    for of, one in pairs:
        if is_array(of) and is_array(one) and one.ndim > of.ndim and one.size > len(one):
            raise BadInput(
                f"sample_weight has the shape {one.shape} and y {of.shape}: give one weight a row"
            )
    if class_weight is None:
        return
    _check_class_weight(class_weight, f"class_weight={class_weight!r}")
    by_output = any(isinstance(value, Mapping) for value in class_weight.values())
    if nested(y) != by_output:
        given = f"class_weight={class_weight!r}"
        if by_output:
            raise BadInput(f"{given}: y is one array, so give weights by class")
        raise BadInput(
            f"{given}: y has {listing(_names(y, 'y'))}, so give weights by class for each output "
            "by its name"
        )
    if by_output:
        there = [str(key) for key, value in items(y) if not nested(value)]
        for key in class_weight:
            if str(key) not in there:
                raise BadInput(
                    f"class_weight of {key!r}: no such output of y; {similar(str(key), there)}"
                )


def _check_class_weight(given: Any, says: str) -> None:
    """Raise BadInput where weights are no numbers by class."""
    if not isinstance(given, Mapping):
        raise BadInput(f"{says}: give a dict, the weight of each class by its number")
    for value in given.values():
        if isinstance(value, Mapping):
            _check_class_weight(value, says)
        elif isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise BadInput(f"{says}: {value!r} is no number")


def checked(data: Data) -> None:
    """Make a `Part` of every tuple, and arrays of lists. Raises BadInput for what does not fit."""
    for name in PARTS:
        part: Any = getattr(data, name)
        if isinstance(part, CONTAINERS) and len(part) in (2, 3):
            part = Part(*part)
        if not isinstance(part, Part):
            raise BadInput(f"{name} is {type(part).__name__}: give a Part, or a tuple (x, y)")
        found = part.x, part.y, part.sample_weight
        plain = (np.ndarray, Ragged, type(None))
        if not all(isinstance(leaf, plain) for leaf in leaves(found)):
            found = structures(*found)
        elif nested(found[0]) or nested(found[1]):
            found = mapped(lambda leaf: leaf, found)
        part = dataclasses.replace(part, **dict(zip(FIELDS, found, strict=True)))
        object.__setattr__(data, name, part)
        if (
            not data.source.folds or name != "validation"
        ):  # each fold has validation rows of its own
            check_rows(*found, prefix=f"{name}: ")
        check_weights(part.y, part.sample_weight, data.class_weight if name == PARTS[0] else None)
        for key in FIELDS[:2]:
            one, other = (_leaves(getattr(each, key), key) for each in (data.train, part))
            _same([*one], [*other], f"the {name} part", "the training part")
            for place, leaf in one.items():
                _alike(leaf, other[place], place, name)


def _names(structure: Any, name: str) -> list[str]:
    return [place for place, _ in named(structure, name)]


def _leaves(structure: Any, name: str) -> dict[str, Any]:
    return {} if structure is None else dict(named(structure, name))


def _alike(one: Any, other: Any, name: str, part: str) -> None:
    """Raise BadInput where rows of a part are of another kind or shape than those that train."""
    text = [leaf.dtype.kind in "SU" for leaf in (one, other)]
    if text[0] != text[1]:
        raise BadInput(
            f"{name} of the {part} part is {other.dtype}, and of the training part {one.dtype}"
        )
    # Keras adds and drops a last axis of 1.
    if len({len(leaf.shape) - (leaf.shape[1:] == (1,)) for leaf in (one, other)}) > 1:
        raise BadInput(
            f"{name} of the {part} part has the shape {other.shape}, and of the training part "
            f"{one.shape}: their rows have to be alike"
        )


def _same(wanted: list[str], found: list[str], what: str, whole: str) -> None:
    for name in wanted:
        if name not in found:
            raise BadInput(f"{what} has no {name}: it needs the arrays of {whole}")
    for name in found:
        if name not in wanted:
            raise BadInput(f"{what} has {name}, and {whole} has not")
