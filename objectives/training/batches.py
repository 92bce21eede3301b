"""The rows of every batch: their order, their weights, their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Part

    Array = NDArray[Any]


def order(seed: int, epoch: int, rows: int, share: float = 1.0) -> NDArray[np.int64]:
    """Return the order of the rows in an epoch (1-based): it depends on nothing else.

    A share below 1 keeps the same random part of the rows, chosen by the seed, in every epoch.
    """
    shuffle = np.random.default_rng([seed, epoch]).permutation
    if share == 1.0:
        return shuffle(rows)
    kept = np.random.default_rng([seed, 0]).permutation(rows)[: max(1, round(share * rows))]
    return shuffle(kept)


def arrays(part: Part, class_weight: Mapping[int, float] | None = None) -> tuple[Array, ...]:
    """Return (x, y) or (x, y, weight), floats in Keras's own float type.

    Weights of rows and of classes multiply; a class without a weight has 1. Classes are read off
    `y` as Keras does: rounded, or the argmax of several outputs.
    """
    weight = part.sample_weight
    if class_weight is not None:
        y = part.y.reshape(len(part), -1)
        classes = y.argmax(axis=1) if y.shape[1] > 1 else np.round(y[:, 0])
        by_class = np.ones(len(part))
        for name, value in class_weight.items():
            by_class[classes == name] = value
        weight = by_class if weight is None else weight * by_class
    return tuple(_floats(array) for array in (part.x, part.y, weight) if array is not None)


def _floats(array: Array) -> Array:
    import keras

    if np.issubdtype(array.dtype, np.floating):
        return array.astype(keras.config.floatx(), copy=False)
    return array
