"""Layers in front of a dense net that divide every column into bins.

A column becomes one number for each bin: 0 below the bin, 1 above it, and within it the share of
the bin that lies below the value. Thresholds and steps, which trees find at once, are a weight
then; smooth curves become piecewise linear ones. It is the piecewise linear encoding of Gorishniy
et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022
(https://arxiv.org/abs/2203.05556). Half of the edges are quantiles of the training rows; the
others are quantiles of the distinct values, since of a column such as capital gains, which is 0
in nearly all rows, the rows' quantiles say nothing about the others.

Edges are weights that are not trained, so that they go wherever a model's weights go.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from objectives import Part

    Array = NDArray[np.float32]

ROWS = 10_000  # drawn of a larger training part, for the edges between the outermost
NARROW = 1e-4  # of a standard deviation: the least width of a bin
_known: weakref.WeakKeyDictionary[Part, dict[int, tuple[Array, Array]]]
_known = weakref.WeakKeyDictionary()


def factors(x: Any, bins: int) -> tuple[Array, Array]:
    """Return what takes columns to their bins, before it is cut to between 0 and 1.

    Args:
        x: Rows x columns, scaled.
        bins: Of a column, at most: equal edges make fewer, a column of two values has one.

    Returns:
        Factors, columns x all bins, and what is added, one for each bin.
    """
    import numpy as np

    some = x
    if len(x) > ROWS:
        drawn = np.random.default_rng(0).choice(len(x), ROWS, replace=False)
        some = np.concatenate([x[np.sort(drawn)], [x.min(axis=0), x.max(axis=0)]])
    edges = [_edges(values, bins) for values in np.asarray(some, np.float64).T]
    owner = np.repeat(np.arange(len(edges)), [len(each) - 1 for each in edges])
    low = np.concatenate([each[:-1] for each in edges])
    wide = np.concatenate([np.diff(each) for each in edges])
    scale = np.zeros((len(edges), len(owner)), np.float32)
    scale[owner, np.arange(len(owner))] = 1.0 / wide
    return scale, (-low / wide).astype(np.float32)


def _edges(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Return up to bins + 1 of the values, the lowest and the highest among them."""
    import numpy as np

    inner = bins // 2
    places = np.linspace(0.0, 1.0, bins + 1 - inner)
    # Between those of the rows, where all values are distinct.
    others = (np.arange(inner) + 0.5) / max(inner, 1)
    found = np.sort(
        np.concatenate(
            [
                np.quantile(values, places, method="inverted_cdf"),
                np.quantile(np.unique(values), others, method="inverted_cdf"),
            ]
        )
    )
    edges = [found[0]]
    for edge in found[1:]:
        if edge - edges[-1] > NARROW and (edge == found[-1] or found[-1] - edge > NARROW):
            edges.append(edge)
    return np.array(edges)


def layers(train: Part, bins: int) -> list[keras.Layer]:
    """Return layers from rows x columns to rows x all bins of the columns, between 0 and 1."""
    import keras

    found = _known.setdefault(train, {})
    if bins not in found:
        found[bins] = factors(train.x, bins)
    scale, shift = found[bins]
    if not len(shift):  # no column varies
        return []
    return [
        keras.layers.Dense(
            len(shift),
            kernel_initializer=keras.initializers.Constant(scale),
            bias_initializer=keras.initializers.Constant(shift),
            trainable=False,
            dtype="float32",  # edges may lie closer to each other than half precision tells
        ),
        keras.layers.ReLU(max_value=1.0),
    ]
