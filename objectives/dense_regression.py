"""A regression of dense layers on a table.

The embedded data are scikit-learn's diabetes table: 442 patients, 10 columns, and how far the
disease had gone a year later. The net predicts in the target's own unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives import Data
from objectives.dense_binary import hidden
from objectives.shared import of_tables
from search_spaces import dense, dense_regression

if TYPE_CHECKING:
    import keras


def embedded() -> tuple[Any, Any]:
    """Return the patients, a row each, and how far the disease had gone."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return x, y


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


DENSE_REGRESSION = of_tables("regression", dense_regression.SPACE, build, embedded)
