"""The rows of every batch: their order, their weights, their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.structures import items, leaves, mapped, nested, packed

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


def arrays(part: Part, class_weight: Mapping[Any, Any] | None = None) -> tuple[Any, ...]:
    """Return (x, y) or (x, y, weight), or (x,) where there is no y, as Keras takes them.

    Floats are of Keras's own float type, lists are tuples.

    Weights of rows and of classes multiply; a class without a weight has 1. Of several outputs
    each has its own, or all have the same.
    """
    weight = part.sample_weight
    if weight is not None and nested(part.y) and not nested(weight):
        weight = mapped(lambda _: part.sample_weight, part.y)
    if class_weight is not None:
        by_class = _by_class(part.y, class_weight)
        if weight is None:
            weight = by_class
        else:
            pairs = zip(leaves(weight), leaves(by_class), strict=True)
            weight = packed(weight, (one * other for one, other in pairs))
    found = (part.x, part.y, weight)
    return tuple(mapped(_floats, one) for one in found if one is not None)


def _by_class(y: Any, class_weight: Mapping[Any, Any]) -> Any:
    """Return the weights of the rows' classes, 1 where an output has none.

    Classes are read off `y` as Keras does: rounded, or the argmax of several columns.
    """
    if nested(y):
        given = {str(key): weights for key, weights in class_weight.items()}
        found = {key: _by_class(value, given.get(str(key), {})) for key, value in items(y)}
        return found if isinstance(y, Mapping) else tuple(found.values())
    columns = y.reshape(len(y), -1)
    classes = columns.argmax(axis=1) if columns.shape[1] > 1 else np.round(columns[:, 0])
    by_class = np.ones(len(y))
    for name, value in class_weight.items():
        by_class[classes == name] = value
    return by_class


def for_step(parts: tuple[Any, ...]) -> Any:
    """Return structures as `fit` hands them to a model's steps: x alone where there is no y."""
    import keras

    return keras.utils.pack_x_y_sample_weight(*parts)


def _floats(array: Any) -> Any:
    import keras

    if np.issubdtype(array.dtype, np.floating):
        return array.astype(keras.config.floatx(), copy=False)
    return array
