"""x, y and weights as Keras takes them: arrays in dicts, lists and tuples, however nested.

Their leaves come in the order in which they were written; a structure of one array is the array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CONTAINERS = (list, tuple)


def nested(structure: Any) -> bool:
    """Return whether this holds arrays, and is none itself."""
    return isinstance(structure, (Mapping, *CONTAINERS))


def is_array(structure: Any) -> bool:
    """Return whether this is one array: no structure, no ragged rows, and not None."""
    return hasattr(structure, "ndim")


def plain_arrays(leaf: Any) -> list[Any]:
    """Return the arrays that a leaf is made of: itself, or those of a ragged one."""
    return list(getattr(leaf, "arrays", [leaf]))


def items(structure: Any) -> list[tuple[Any, Any]]:
    """Return the keys and the values of one level."""
    return list(structure.items() if isinstance(structure, Mapping) else enumerate(structure))


def named(structure: Any, name: str = "") -> list[tuple[str, Any]]:
    """Return every leaf with its name: `x["body"]`, `y[0]`, or the name itself."""
    if not nested(structure):
        return [(name, structure)]
    found = []
    for key, value in items(structure):
        place = f'"{key}"' if isinstance(key, str) else key
        found += named(value, f"{name}[{place}]")
    return found


def leaves(structure: Any) -> list[Any]:
    """Return every leaf."""
    return [leaf for _, leaf in named(structure)]


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the same structure of what a function makes of every leaf; lists become tuples.

    Keras does that to lists before a model sees them.
    """
    if isinstance(structure, Mapping):
        return {key: mapped(function, value) for key, value in structure.items()}
    if isinstance(structure, CONTAINERS):
        return tuple(mapped(function, value) for value in structure)
    return function(structure)


def packed(structure: Any, values: Iterator[Any]) -> Any:
    """Return the same structure with other leaves, in their order."""
    return mapped(lambda _: next(values), structure)


def rows(structure: Any) -> int:
    """Return the rows of the first leaf."""
    return len(leaves(structure)[0])


def taken(structure: Any, chosen: Any) -> Any:
    """Return the chosen rows of every leaf."""
    return mapped(lambda leaf: leaf[chosen], structure)


def keep(structure: Any) -> Any:
    """Return a structure as plain data, with how many arrays make each leaf in its place."""
    if isinstance(structure, Mapping):
        return {key: keep(value) for key, value in structure.items()}
    if isinstance(structure, CONTAINERS):
        return [keep(value) for value in structure]
    return len(plain_arrays(structure))


def words(structure: Any, name: str) -> str:
    """Return `x["body"] 8, x["title"] 20 text`: every leaf with the shape of its rows."""
    found = []
    for each, leaf in named(structure, name):
        if leaf is None:
            return f"no {name}"
        sizes = " x ".join(f"{size:,}" for size in leaf.shape[1:] if size is not None)
        kind = ["ragged"] * (None in leaf.shape) + ["text"] * (leaf.dtype.kind in "OSU")
        found.append(" ".join(part for part in (each, sizes, *kind) if part))
    return ", ".join(found)
