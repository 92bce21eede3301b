"""A classifier of dense layers on a table, for more than two classes.

The built-in data are scikit-learn's handwritten digits: 1,797 pictures of 8 x 8 pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives import Data
from objectives.dense_binary import hidden
from objectives.shared import of_tables
from objectives.stacked import Stacked
from objectives.training import parts
from search_spaces import dense, dense_multiclass

if TYPE_CHECKING:
    import keras


def embedded() -> tuple[Any, Any]:
    """Return the pictures, a row each, and their digits."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x, y


def layers(config: dense.Dense, data: Data) -> list[keras.Layer]:
    """Return hidden layers and one softmax over the classes."""
    import keras

    classes = len(data.details["classes"])
    return [*hidden(config, data), keras.layers.Dense(classes, activation="softmax")]


build = Stacked(layers, parts.classifier)
DENSE_MULTICLASS = of_tables("multiclass", dense_multiclass.SPACE, build, embedded)
