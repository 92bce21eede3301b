"""A classifier of dense layers on a table, for more than two classes.

The embedded data are scikit-learn's handwritten digits: 1,797 pictures of 8 x 8 pixels.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from objectives import Data, Objective, Source
from objectives.dense_binary import callbacks, hidden
from search_spaces import dense, dense_multiclass

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def load(source: Source) -> Data:
    """Return the embedded digits, or the user's own table."""
    from objectives import tables

    if source.path is not None:
        return tables.load_table(source, task="multiclass")
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return dataclasses.replace(from_arrays(x, y, source), source="embedded")


def from_arrays(x: Any, y: Any, source: Source) -> Data:
    """Return a frame or a matrix and its labels as data."""
    from objectives import tables

    return tables.from_arrays(x, y, source, task="multiclass")


def build(config: dense.Dense, data: Data, metrics: tuple[str, ...] = ()) -> keras.Model:
    """Return the compiled net: hidden layers, one softmax over the classes."""
    import keras

    from objectives.training.parts import classifier

    model = hidden(config, data)
    model.add(keras.layers.Dense(len(data.details["classes"]), activation="softmax"))
    return classifier(model, config.optimizer, data, metrics)


def scores(labels: NDArray[np.int32], predictions: NDArray[np.float32]) -> dict[str, float]:
    """Return accuracy, balanced accuracy and the ROC curve's area (one against the rest)."""
    from objectives import judging

    return judging.scores(labels, predictions, "multiclass")


DENSE_MULTICLASS = Objective(
    space=dense_multiclass.SPACE,
    load=load,
    from_arrays=from_arrays,
    build=build,
    callbacks=callbacks,
    scores=scores,
    max_epochs=100,
)
