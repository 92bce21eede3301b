"""A regression of dense layers on a table.

The built-in data are scikit-learn's diabetes table: 442 patients, 10 columns, and how far the
disease had gone a year later. The net predicts in the target's own unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objectives import Data
from objectives.dense_binary import hidden
from objectives.shared import of_tables
from objectives.stacked import Stacked
from objectives.training import parts
from search_spaces import dense, dense_regression

if TYPE_CHECKING:
    import keras


def embedded() -> tuple[Any, Any]:
    """Return the patients, a row each, and how far the disease had gone."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    return x, y


def layers(config: dense.Dense, data: Data) -> list[keras.Layer]:
    """Return hidden layers and one linear output, rescaled to the target's unit."""
    import keras

    return [*hidden(config, data), keras.layers.Dense(1), parts.rescaling(data)]


build = Stacked(layers, parts.regressor)
DENSE_REGRESSION = of_tables("regression", dense_regression.SPACE, build, embedded)
