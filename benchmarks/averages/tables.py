"""Small tables on which sweeps are run to see what their nets are worth, and rows to tell by.

None of them is among those that `benchmarks/search_quality` judges as unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

TEST = 2000  # rows, where as many are there
TIMES = 6  # the rows that train and choose: at most so many test
VALIDATION = 0.25  # of the rows that train and choose: a fifth of a user's own


@dataclass(frozen=True)
class Table:
    """task: as sweeps are named. make: (rows, seed) -> x and y. most: rows that are shipped."""

    task: str
    make: Callable[[int, int], Any]
    most: int | None = None

    def arrays(self, size: int, seed: int) -> tuple[Any, Any, dict[str, float]]:
        """Return x, y and the shares of the parts, for a table of `size` rows of the user's own.

        Four fifths of them train and choose; the test part is larger than theirs, to tell more.
        """
        chosen = size * 4 // 5
        rows = min(chosen + min(TEST, TIMES * chosen), self.most or chosen + TEST)
        x, y = self.make(rows, seed)
        order = np.random.default_rng(seed).permutation(len(x))
        share = chosen / len(x)
        return x[order], y[order], {"test": 1.0 - share, "validation": share * VALIDATION}

    def sizes(self, wanted: list[int]) -> list[int]:
        """Return the sizes that leave half as many rows as train and choose to test."""
        return [size for size in wanted if self.most is None or 1.2 * size <= self.most]


def interactions(rows: int, seed: int) -> Any:
    """Return two classes by odds of products and a bend, between columns of noise."""
    rng = np.random.default_rng(100 + seed)
    x = rng.normal(size=(rows, 15))
    odds = x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) - 0.8 - x[:, 4]
    return x, (rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))).astype(int)


def linear(rows: int, seed: int) -> Any:
    """Return two classes by linear odds of twenty columns."""
    rng = np.random.default_rng(100 + seed)
    x = rng.normal(size=(rows, 20))
    odds = x @ rng.normal(0.0, 0.5, 20)
    return x, (rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))).astype(int)


def bumps(rows: int, seed: int) -> Any:
    """Return numbers: a sine, a product and a square, a third of their variance noise."""
    rng = np.random.default_rng(100 + seed)
    x = rng.normal(size=(rows, 8))
    y = np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2
    return x, y + rng.normal(0.0, 0.9, rows)


def made(name: str, **options: Any) -> Callable[[int, int], Any]:
    """Return what calls a generator of scikit-learn."""

    def make(rows: int, seed: int) -> Any:
        from sklearn import datasets

        x, y = getattr(datasets, name)(n_samples=rows, random_state=100 + seed, **options)
        return x, (y > 0).astype(int) if name == "make_hastie_10_2" else y

    return make


def shipped(name: str) -> Callable[[int, int], Any]:
    """Return what draws rows of a table that scikit-learn ships."""

    def make(rows: int, seed: int) -> Any:
        from sklearn import datasets

        x, y = getattr(datasets, name)(return_X_y=True)
        order = np.random.default_rng(seed).permutation(len(x))[:rows]
        return x[order], y[order]

    return make


FOUR = {"n_features": 20, "n_informative": 8, "n_classes": 4, "flip_y": 0.05}
TWO = {"n_features": 20, "n_informative": 6, "n_clusters_per_class": 3, "flip_y": 0.1}
TABLES: dict[str, Table] = {
    "interactions": Table("binary", interactions),
    "linear": Table("binary", linear),
    "hastie": Table("binary", made("make_hastie_10_2")),
    "moons": Table("binary", made("make_moons", noise=0.35)),
    "clusters": Table("binary", made("make_classification", **TWO)),
    "breast cancer": Table("binary", shipped("load_breast_cancer"), 569),
    "four classes": Table("multiclass", made("make_classification", **FOUR)),
    "quantiles": Table("multiclass", made("make_gaussian_quantiles", n_features=6, n_classes=4)),
    "digits": Table("multiclass", shipped("load_digits"), 1797),
    "wine": Table("multiclass", shipped("load_wine"), 178),
    "friedman1": Table("regression", made("make_friedman1", noise=1.0)),
    "sparse": Table("regression", made("make_sparse_uncorrelated", n_features=10)),
    "bumps": Table("regression", bumps),
    "diabetes": Table("regression", shipped("load_diabetes"), 442),
}
