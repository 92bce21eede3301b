"""What a model predicts, one array or several, as one array: rows first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.structures import nested

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True)
class Packing:
    """What a model's predictions look like.

    names: of the outputs, none where there is one array. shapes: of their rows. keyed: whether
    they come as a dict.
    """

    names: tuple[str, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    keyed: bool = False

    @classmethod
    def of(cls, said: Any, names: Sequence[str] | None) -> Packing | None:
        """Return how predictions are packed, None for what is no numbers of one row each.

        said: what `predict` gave. names: the model's own of its outputs.
        """
        if isinstance(said, np.ndarray):
            return cls() if said.dtype.kind == "f" else None
        keyed = isinstance(said, Mapping)
        given = list(said.values() if keyed else said)
        known = tuple(map(str, said if keyed else names or ()))
        if len(known) != len(given) or any(
            nested(one) or not isinstance(one, np.ndarray) or one.dtype.kind != "f"
            for one in given
        ):
            return None
        return cls(known, tuple(one.shape[1:] for one in given), keyed)

    def pack(self, said: Any) -> Array:
        """Return predictions as one float32 array; of several outputs, rows x numbers."""
        if not self.names:
            return np.asarray(said, np.float32)
        given = said.values() if self.keyed else said
        flat = [np.asarray(one, np.float32).reshape(len(one), -1) for one in given]
        return np.concatenate(flat, axis=1)

    def several(self, array: Array) -> list[Array]:
        """Return the outputs of packed predictions, one by one; only the last axis is theirs."""
        if not self.names:
            return [array]
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        cut = np.split(array, np.cumsum(sizes)[:-1], axis=-1)
        pairs = zip(cut, self.shapes, strict=True)
        return [one.reshape(*array.shape[:-1], *shape) for one, shape in pairs]

    def unpack(self, array: Array) -> Any:
        """Return packed predictions as the model gave them."""
        if not self.names:
            return array
        found = self.several(array)
        return dict(zip(self.names, found, strict=True)) if self.keyed else found

    def aligned(self, given: Any) -> list[Any]:
        """Return what is given for the outputs, by name or in their order, one for each.

        None, or one thing that is not several, is given for all. Raises KeyError, ValueError.
        """
        if not nested(given):
            return [given] * max(1, len(self.names))
        if not self.names:
            raise ValueError("several are given for one output")
        if isinstance(given, Mapping):
            return [given[name] for name in self.names]
        if len(given) != len(self.names):
            raise ValueError(f"{len(given)} for {len(self.names)} outputs")
        return list(given)
