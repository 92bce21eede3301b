"""Columns that predict the label almost by themselves, as what is known too late does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from objectives.judging import auc
from objectives.reading import shown
from objectives.reading.roles import Roles

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 20_000  # training rows looked at
FEWEST = 100  # training rows below which chance may look like a leak
BINS = 32
LIMIT = {"binary": 0.99, "multiclass": 0.98, "regression": 0.97}
MEASURE = {"binary": "AUC", "multiclass": "accuracy", "regression": "R2"}


def leaks(roles: Roles, y: NDArray[Any], train: NDArray[np.int64], task: str) -> list[str]:
    """Return one warning for each column that leaks; y: the training rows' labels.

    A column is cut into bins or levels, whose mean label on one half of the rows predicts the
    other half: whatever the shape of its relation, and a missing cell counts as a level.
    """
    if len(train) < FEWEST:
        return []
    rows = np.random.default_rng(0).permutation(len(train))[:ROWS]
    y, train = np.asarray(y)[rows].astype(np.float64), train[rows]
    columns: list[tuple[str, str, NDArray[Any]]]
    columns = [(one.column, one.name, _bins(one.values[train])) for one in roles.numbers]
    columns += [(one.column, one.column, one.codes[train] + 1) for one in roles.categories]
    found = []
    for column, name, codes in columns:
        score = _score(codes, y, task)
        if score > LIMIT[task]:
            found.append(
                f"column {name!r} predicts the label almost by itself ({MEASURE[task]} "
                f"{score:.3f} on held-out training rows): is it known before the label is? "
                f"If not, --ignore {shown(column)}"
            )
    return found


def _bins(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return bin numbers: 0 where missing, else 1 and up, about as many rows in each."""
    filled = values[~np.isnan(values)]
    distinct = np.unique(filled)
    if len(distinct) <= BINS:
        edges = distinct[1:]
    else:
        edges = np.unique(np.quantile(filled, np.linspace(0.0, 1.0, BINS + 1)[1:-1]))
    return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values, side="right"))


def _score(codes: NDArray[Any], y: NDArray[np.float64], task: str) -> float:
    half = len(y) // 2
    size = int(codes.max()) + 1
    seen, truth = codes[half:], y[half:]
    counts = np.bincount(codes[:half], minlength=size)
    if task == "multiclass":
        classes = int(y.max()) + 1
        flat = codes[:half] * classes + y[:half].astype(np.int64)
        table = np.bincount(flat, minlength=size * classes).reshape(size, classes)
        right = table.argmax(axis=1)[seen] == truth
        # A class alone that is nearly everything is guessed without any column.
        return float(right.mean()) if np.bincount(truth.astype(int)).max() < 0.9 * half else 0.0
    means = np.bincount(codes[:half], weights=y[:half], minlength=size) / np.maximum(counts, 1)
    guess = np.where(counts, means, y[:half].mean())[seen]
    if task == "regression":
        return float(1.0 - np.mean((truth - guess) ** 2) / max(float(np.var(truth)), 1e-30))
    return auc(truth > 0.5, guess) or 0.0
