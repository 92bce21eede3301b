"""Rows of unequal length, as `tf.RaggedTensor` has them, kept as plain arrays.

They are arrays to whoever counts, picks, saves or digests rows, and no library is imported until
a tensor is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ragged:
    """One ragged axis over its values, which may be ragged themselves.

    values: those of all rows, one after the other. splits: where each row begins, and the end.
    """

    values: Array | Ragged
    splits: NDArray[np.int64]

    @classmethod
    def of(cls, arrays: list[Array]) -> Ragged | Array:
        """Return what has these arrays: the splits from the outside in, and then the values."""
        splits, *inner = arrays
        return cls(cls.of(inner), splits.astype(np.int64)) if inner else splits

    @classmethod
    def from_tensor(cls, tensor: Any) -> Ragged:
        """Return the rows of a RaggedTensor, or of one that a data set gives to NumPy."""
        inner = tensor.values
        ragged = hasattr(inner, "row_splits")
        values = cls.from_tensor(inner) if ragged else np.asarray(inner)
        return cls(values, np.asarray(tensor.row_splits, np.int64))

    @property
    def arrays(self) -> list[Array]:
        """The splits from the outside in, and the values."""
        inner = self.values.arrays if isinstance(self.values, Ragged) else [self.values]
        return [self.splits, *inner]

    @property
    def shape(self) -> tuple[Any, ...]:
        """(rows, None, ...): the length of a ragged axis is None."""
        return (len(self), None, *self.values.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self.values.dtype

    @property
    def nbytes(self) -> int:
        """The bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays)

    def __len__(self) -> int:
        return len(self.splits) - 1

    def __iter__(self) -> Iterator[Any]:
        for start, end in zip(self.splits[:-1], self.splits[1:], strict=True):
            yield self.values[start:end]

    def __getitem__(self, rows: Any) -> Ragged:
        """Return chosen rows: a slice, or their numbers."""
        chosen = np.arange(len(self))[rows]
        starts, lengths = self.splits[:-1][chosen], np.diff(self.splits)[chosen]
        splits = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(splits[-1]) + np.repeat(starts - splits[:-1], lengths)
        return Ragged(self.values[places], splits)

    def astype(self, kind: Any) -> Ragged:
        """Return the same rows with values of another type."""
        return Ragged(self.values.astype(kind), self.splits)

    def tensor(self) -> Any:
        """Return them as a `tf.RaggedTensor`."""
        import tensorflow as tf

        values = self.values.tensor() if isinstance(self.values, Ragged) else self.values
        return tf.RaggedTensor.from_row_splits(tf.convert_to_tensor(values), self.splits)

    @staticmethod
    def joined(parts: list[Ragged]) -> Ragged:
        """Return the rows of several, one after the other."""
        ends = np.cumsum([0, *(part.splits[-1] for part in parts)])
        splits = [part.splits[:-1] + end for part, end in zip(parts, ends, strict=False)]
        inner: list[Any] = [part.values for part in parts]
        ragged = isinstance(inner[0], Ragged)
        values = Ragged.joined(inner) if ragged else np.concatenate(inner)
        return Ragged(values, np.concatenate([*splits, ends[-1:]]))


def joined(parts: list[Any]) -> Any:
    """Return the rows of several leaves of one kind, one after the other."""
    return Ragged.joined(parts) if isinstance(parts[0], Ragged) else np.concatenate(parts)
