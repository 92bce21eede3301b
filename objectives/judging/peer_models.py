"""The models that a net is set beside: the majority, a linear model, gradient-boosted trees.

Each is fitted on the training part alone, on the columns that the net has.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.judging import numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from objectives import Data, Part

CELLS = 10_000_000  # of the training part that the linear model sees
QUICK = 4_000_000  # cells, times the classes from three on, of which trees take some seconds
WIDEST = 5_000  # columns that a sequence is flattened to


def majority(data: Data, task: str) -> NDArray[Any]:
    """Return the training part's commonest class, or its mean, for every test row."""
    y, rows = numbers_of(data.train.y), len(data.test)
    if task == "regression":
        return np.full(rows, y.mean())
    if task == "binary":
        return np.full(rows, float(y.mean() > 0.5))
    chances = np.zeros((rows, _classes(data)))
    chances[:, np.bincount(y.astype(np.int64)).argmax()] = 1.0
    return chances


def _classes(data: Data) -> int:
    return len(data.details.get("classes") or np.unique(numbers_of(data.train.y)))


def linear(data: Data, task: str) -> tuple[NDArray[Any], int]:
    """Return the linear model's test predictions, and how many rows it was fitted on."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    width = _flat(data.train, data, np.arange(1)).shape[1]
    most = max(100, CELLS // width)
    every = np.arange(len(data.train))
    rows = every
    if len(every) > most:
        rows = np.sort(np.random.default_rng(0).choice(every, most, replace=False))
    x, y = _flat(data.train, data, rows), numbers_of(data.train.y)[rows]
    test = _flat(data.test, data, np.arange(len(data.test)))
    if task == "regression":
        model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-2, 4, 13)))
        return np.asarray(model.fit(x, y).predict(test)), len(rows)
    balanced = "balanced" if data.class_weight else None
    model = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=500, class_weight=balanced)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close enough for a yardstick
        model.fit(x, y.astype(np.int64))
    return _chances(model, test, data, task), len(rows)


def quick(data: Data, task: str) -> bool:
    """Return whether the trees take some seconds at most."""
    width = _flat(data.train, data, np.arange(1)).shape[1]
    each = _classes(data) if task == "multiclass" else 1
    cells: int = len(data.train) * width * each
    return cells <= QUICK


def trees(data: Data, task: str) -> NDArray[Any]:
    """Return the test predictions of scikit-learn's gradient-boosted trees with its defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    x, test = (_flat(part, data, np.arange(len(part))) for part in (data.train, data.test))
    y = numbers_of(data.train.y)
    with threadpool_limits(1, "openmp"):  # more of them wait for one another on a busy machine
        if task == "regression":
            numbers = HistGradientBoostingRegressor(random_state=0).fit(x, y)
            return np.asarray(numbers.predict(test))
        balanced = "balanced" if data.class_weight else None
        model = HistGradientBoostingClassifier(random_state=0, class_weight=balanced)
        return _chances(model.fit(x, y.astype(np.int64)), test, data, task)


def _chances(model: Any, test: NDArray[Any], data: Data, task: str) -> NDArray[Any]:
    """Return the chances of class 1, or of all classes, those that were not seen too."""
    chances = model.predict_proba(test)
    if task == "binary":
        return np.asarray(chances[:, 1])
    found = np.zeros((len(test), _classes(data)))
    found[:, model.classes_] = chances
    return found


def _flat(part: Part, data: Data, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return rows x columns: of sequences all steps, evenly thinned out where they are many."""
    x = np.asarray(part.x[rows], np.float64)
    if x.ndim > 2:
        if data.details.get("masked"):
            x = np.where(x == data.details["mask_value"], 0.0, x)
        x = x[:, :: max(1, -(-x[0].size // WIDEST))]
    return x.reshape(len(x), -1)
