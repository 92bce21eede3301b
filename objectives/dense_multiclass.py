"""A classifier of dense layers on a table, for more than two classes.

The built-in data are scikit-learn's handwritten digits: 1,797 pictures of 8 x 8 pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives import Data
from objectives.dense_binary import hidden
from objectives.shared import of_tables
from search_spaces import dense, dense_multiclass

if TYPE_CHECKING:
    import keras


def embedded() -> tuple[Any, Any]:
    """Return the pictures, a row each, and their digits."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x, y


def build(config: dense.Dense, data: Data, metrics: tuple[str, ...] = ()) -> keras.Model:
    """Return the compiled net: hidden layers, one softmax over the classes."""
    import keras

    from objectives.training.parts import classifier

    model = hidden(config, data)
    model.add(keras.layers.Dense(len(data.details["classes"]), activation="softmax"))
    return classifier(model, config.optimizer, data, metrics)


DENSE_MULTICLASS = of_tables("multiclass", dense_multiclass.SPACE, build, embedded)
