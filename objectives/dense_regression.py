"""A regression of dense layers on a table.

The built-in data are scikit-learn's diabetes table: 442 patients, 10 columns, and how far the
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
    """Return the compiled net: hidden layers, one linear output, rescaled to the target's unit."""
    import keras

    from objectives.training.parts import regressor

    model = hidden(config, data)
    model.add(keras.layers.Dense(1))
    return regressor(model, config.optimizer, data)


DENSE_REGRESSION = of_tables("regression", dense_regression.SPACE, build, embedded)
