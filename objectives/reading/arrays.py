"""Arrays of an NPZ file, never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import BadInput
from objectives.reading import check_memory, known, listing
from objectives.reading.targets import SEQUENCES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Arrays:
    """The arrays of one NPZ file by name, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                self.headers = {
                    name.removesuffix(".npy"): _header(archive, name)
                    for name in archive.namelist()
                    if name.endswith(".npy")
                }
        except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
            raise BadInput(f"cannot read {str(path)!r}: it is no NPZ file ({error})") from None
        for name, (_, kind) in self.headers.items():
            if kind.hasobject:
                raise BadInput(
                    f"{str(path)!r}: array {name!r} holds pickled objects, which can run code "
                    "when they are read: refused; store it as numbers or text"
                )

    def read(self, name: str) -> Array:
        """Return an array. Raises BadInput where it cannot be read or does not fit in memory."""
        shape, kind = self.headers[name]
        cells = float(np.prod(shape, dtype=np.float64))
        # The array itself, and its copies as float32, whole and in parts.
        check_memory(
            cells * (kind.itemsize + 8), f"array {name!r} {shape}", "take fewer rows or columns"
        )
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                array = native(archive[name])
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
            raise BadInput(f"cannot read {name!r} of {str(self.path)!r}: {error}") from None
        return array

    def find(self, wanted: str, option: str) -> str:
        """Return the name of an array; `X` and `x` are the same."""
        for name in self.headers:
            if name.casefold() == wanted.casefold() and wanted not in self.headers:
                return name
        if wanted in ("X", "y") and wanted not in self.headers:
            there = listing(self.headers) or "none"
            raise BadInput(
                f"{str(self.path)!r} has no array {wanted!r}; it has: {there}. Store it with "
                "numpy.savez(file, X=..., y=...)"
            )
        return known(wanted, self.headers, option, "array")


def _header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
        else:
            shape, _, kind = np.lib.format.read_array_header_2_0(file)
    return shape, kind


def native(array: Array) -> Array:
    """Return an array in this machine's order of bytes, which is all that Arrow and Keras read."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def rows_of(given: Any, name: str) -> Array:
    """Return what Python has in hand as an array. Raises BadInput where it is none."""
    if isinstance(given, Mapping):
        raise BadInput(f"{name} is a {type(given).__name__}: give one array, rows first")
    if hasattr(given, "toarray"):  # one of SciPy's sparse ones
        cells = float(np.prod(given.shape, dtype=np.float64))
        check_memory(cells * 8, f"{name} {given.shape}, written out", "take fewer rows or columns")
        return native(np.asarray(given.toarray()))
    try:
        return native(np.asarray(given))
    except ValueError:  # its parts are no rows of one array
        shapes = list(dict.fromkeys(map(_shape, given)))
        raise BadInput(
            f"{name} is a {type(given).__name__} of parts with the shapes "
            f"{', '.join(shapes[:3])}{', ...' * (len(shapes) > 3)}: give one array with equally "
            "many values in each row; fill shorter ones up with NaN"
        ) from None


def _shape(part: Any) -> str:
    try:
        return str(np.shape(part))
    except ValueError:
        return f"({len(part)}, of several lengths)"


def unmasked(given: Any, name: str) -> Array:
    """Return an array whose masked cells are missing: NaN, or None among text."""
    if not np.ma.isMaskedArray(given) or not np.ma.is_masked(given):
        return rows_of(given, name)
    numbers = given.dtype.kind in "fiub"
    found: Array = np.ma.filled(given.astype(np.float64 if numbers else object), np.nan)
    if not numbers:
        found[np.ma.getmaskarray(given)] = None
    return found


def floats(array: Array, name: str, dimensions: int) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return an array as float32 where that holds all its type can, else as float64.

    Raises BadInput for text, infinity or another shape.
    """
    if array.dtype.kind not in "fiub":
        example = f" ({array.ravel()[0]!s})" if array.size else ""
        raise BadInput(f"array {name!r} holds {array.dtype}{example} where numbers belong")
    if array.ndim != dimensions:
        other = f"; for sequences there are {', '.join(SEQUENCES.values())}" * (array.ndim == 3)
        raise BadInput(
            f"array {name!r} has shape {array.shape}: {dimensions} dimensions are needed "
            f"({'rows x features' if dimensions == 2 else 'rows x steps x channels'}){other}"
        )
    if 0 in array.shape:
        raise BadInput(f"array {name!r} has shape {array.shape}: it is empty")
    for start in range(0, len(array), 1 << 16):
        piece = np.abs(array[start : start + (1 << 16)].astype(np.float64))
        if np.any(piece > 1e37):
            place = np.unravel_index(int(np.nanargmax(piece)), piece.shape)
            index = (int(place[0]) + start, *map(int, place[1:]))
            raise BadInput(
                f"array {name!r} is {array[index]:g} at {list(index)}: infinite or too large a "
                "number; mend it, or make it NaN"
            )
    exact = np.can_cast(array.dtype, np.float32)
    found: NDArray[np.float64] = array.astype(np.float32 if exact else np.float64, copy=False)
    return found


def one_column(array: Array, name: str, rows: int) -> Array:
    """Return labels or groups as one dimension; rows of 0 and one 1 become class numbers."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if (
        array.ndim == 2
        and array.dtype.kind in "fiub"
        and np.all((array == 0) | (array == 1))
        and np.all(array.sum(axis=1) == 1)
    ):
        array = array.argmax(axis=1)
    if array.ndim != 1:
        raise BadInput(f"array {name!r} has shape {array.shape}: one value per row is needed")
    if len(array) != rows:
        raise BadInput(f"array {name!r} has {len(array):,} rows, X has {rows:,}")
    return array
