"""The tables that the portfolio is chosen on: small ones that packages ship, or made here.

scikit-learn's are always there; those of statsmodels and pydataset where these are installed.
"""

from __future__ import annotations

import importlib.util
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Table = tuple[str, str, Any]


def logits(rows: int, columns: int, seed: int, shift: float, *, curved: bool) -> Any:
    """Return a table whose classes follow the odds of a sum, curved or not; rarer by `shift`."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    odds = x @ rng.normal(0.0, 2.0 / np.sqrt(columns), columns) - shift
    if curved:
        odds += x[:, 0] * x[:, 1] - np.abs(x[:, 2])
    return x, (rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))).astype(int)


def seconds(rows: int) -> Any:
    """Return moments of a year, in seconds since 1970, and when the answer came."""
    rng = np.random.default_rng(0)
    began = rng.uniform(1.70e9, 1.73e9, rows)
    return np.c_[began, rng.normal(size=(rows, 2))], began + 3600.0 + rng.normal(0.0, 300.0, rows)


def tables() -> Iterator[Table]:
    """Yield name, task and arrays of every table."""
    from sklearn import datasets as d

    x, y = d.load_digits(return_X_y=True)
    made, quantiles = d.make_classification, d.make_gaussian_quantiles
    for name, arrays in {
        "breast cancer": d.load_breast_cancer(return_X_y=True),
        "linear": logits(1500, 15, 1, 0.0, curved=False),
        "rare, linear": logits(3000, 10, 2, 4.0, curved=False),
        "rare, curved": logits(3000, 8, 3, 3.0, curved=True),
        "clusters": made(2500, 20, n_informative=8, n_clusters_per_class=3, random_state=0),
        "hastie": d.make_hastie_10_2(4000, random_state=0),
        "digits, odd": (x, y % 2),
        "moons": d.make_moons(800, noise=0.3, random_state=0),
    }.items():
        yield name, "binary", arrays
    for name, arrays in {
        "iris": d.load_iris(return_X_y=True),
        "wine": d.load_wine(return_X_y=True),
        "digits": (x, y),
        "five classes": made(2000, 20, n_informative=10, n_classes=5, random_state=1),
        "quantiles": quantiles(n_samples=2000, n_features=6, n_classes=4, random_state=0),
    }.items():
        yield name, "multiclass", arrays
    for name, arrays in {
        "diabetes": d.load_diabetes(return_X_y=True),
        "friedman1": d.make_friedman1(2000, noise=1.0, random_state=0),
        "friedman2": d.make_friedman2(2000, noise=50.0, random_state=0),
        "regression": d.make_regression(1000, 20, noise=30.0, random_state=0),
        "seconds": seconds(2000),
    }.items():
        yield name, "regression", arrays
    yield from shipped()


SHIPPED = {  # of pydataset, by its CSV file: the target, its task, and columns left out
    "Ecdat/Hdma": ("deny", "binary", ()),
    "car/Chile": ("vote", "multiclass", ()),
    "plm/Males": ("occupation", "multiclass", ("nr",)),
    "Ecdat/Computers": ("price", "regression", ()),
    "Ecdat/BudgetFood": ("wfood", "regression", ()),
    "ggplot2/diamonds": ("price", "regression", ()),
    "car/SLID": ("wages", "regression", ()),
}
MOST = 8000  # rows of a shipped table


def shipped() -> Iterator[Table]:
    """Yield real tables of statsmodels and pydataset, where these are installed."""
    if (place := _place("statsmodels")) is not None:
        for name, target in {"fair": "affairs", "randhie": "mdvis"}.items():
            frame = pd.read_csv(place / "datasets" / name / f"{name}.csv")
            frame[target] = (frame[target] > 0.0).astype(int)
            yield name, "binary", _cut(frame, target)
    if (place := _place("pydataset")) is not None:
        with tarfile.open(place / "resources.tar.gz") as files:
            for name, (target, task, ignored) in SHIPPED.items():
                held: Any = files.extractfile(f"resources/rdata/csv/{name}.csv")
                frame = pd.read_csv(io.BytesIO(held.read()), index_col=0).drop(columns=[*ignored])
                yield name.partition("/")[2], task, _cut(frame, target)


def _place(package: str) -> Path | None:
    """Return the folder of a package, None where it is not installed."""
    found = importlib.util.find_spec(package)
    return Path(str(found.origin)).parent if found else None


def _cut(frame: pd.DataFrame, target: str) -> Any:
    frame = frame[frame[target].notna()]
    frame = frame.sample(min(MOST, len(frame)), random_state=0).reset_index(drop=True)
    return frame.drop(columns=target), frame[target]
