"""A regression of dense layers on a table.

The embedded data are scikit-learn's diabetes table: 442 patients, 10 columns, and how far the
disease had gone a year later. The net predicts in the target's own unit.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from objectives import Data, Objective, Source
from objectives.dense_binary import callbacks, hidden
from search_spaces import dense, dense_regression

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def load(source: Source) -> Data:
    """Return the embedded table, or the user's own."""
    from objectives import tables

    if source.path is not None:
        return tables.load_table(source, task="regression")
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return dataclasses.replace(from_arrays(x, y, source), source="embedded")


def from_arrays(x: Any, y: Any, source: Source) -> Data:
    """Return a frame or a matrix and its numbers to predict as data."""
    from objectives import tables

    return tables.from_arrays(x, y, source, task="regression")


def build(config: dense.Dense, data: Data) -> keras.Model:
    """Return the compiled net: hidden layers, one linear output, rescaled to the target's unit.

    The loss is the mean squared error in variances of the training part's target: 1 is what its
    mean reaches, whatever the unit, and the learning rates mean the same for every table.
    """
    import keras
    import numpy as np

    from objectives.training.parts import optimizer

    y = np.asarray(data.train.y, np.float64)
    mean, deviation = float(y.mean()), float(y.std()) or 1.0
    model = hidden(config, data)
    model.add(keras.layers.Dense(1))
    model.add(keras.layers.Rescaling(deviation, offset=mean))
    model.compile(
        optimizer=optimizer(config.optimizer),
        loss="mean_squared_error",
        loss_weights=1.0 / deviation**2,
        metrics=["mae"],
    )
    return model


def scores(labels: NDArray[np.float32], predictions: NDArray[np.float32]) -> dict[str, float]:
    """Return mae, rmse (in the target's unit) and r2."""
    from objectives import judging

    return judging.scores(labels, predictions, "regression")


DENSE_REGRESSION = Objective(
    space=dense_regression.SPACE,
    load=load,
    from_arrays=from_arrays,
    build=build,
    callbacks=callbacks,
    scores=scores,
    max_epochs=100,
)
