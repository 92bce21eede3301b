"""The arrays of a part as tensors in a row, for programs, and in their structures, for models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from objectives.structures import leaves, mapped, packed
from objectives.training.batches import for_step


class Tensors:
    """A part on the device.

    Attributes:
        flat: Of x, of y and of weights, one after the other.
        inputs: Those of x.
        words: Plain values that tell two parts apart that need programs of their own.

    Args:
        parts: Structures of arrays: (x, y), (x, y, weight), or (x,).
    """

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.flat = tuple(map(tf.convert_to_tensor, leaves(parts)))
        self.inputs = self.flat[: len(leaves(parts[0]))]
        self._parts = mapped(lambda _: None, parts)
        shapes = [(tuple(each.shape), each.dtype.name) for each in self.flat]
        self.words = [shapes, repr(self._parts)]

    def specs(self, *, any_rows: bool = False) -> list[tf.TensorSpec]:
        """Return what a function takes that is called with `flat`, or with any number of rows."""
        return [
            tf.TensorSpec((None, *each.shape[1:]) if any_rows else each.shape, each.dtype)
            for each in self.flat
        ]

    def pack(self, tensors: Iterable[tf.Tensor]) -> Any:
        """Return tensors in the structures of the part, as a model's steps take them."""
        return for_step(packed(self._parts, iter(tensors)))
