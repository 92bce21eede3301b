"""Small data that several programs train on, made from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np

Arrays = tuple[Any, Any]


def table(_: Any, rows: int = 600, columns: int = 12) -> Arrays:
    """Return numbers and a noisy smooth function of them, one column."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, columns)).astype("float32")
    y = np.tanh(x @ rng.normal(size=(columns, 1))) + 0.3 * x[:, :1] * x[:, 1:2]
    return x, (y + 0.1 * rng.normal(size=y.shape)).astype("float32")


def binary(source: Any) -> Arrays:
    """Return the table with two classes, as 0 and 1."""
    x, y = table(source)
    return x, (y[:, 0] > 0).astype("int32")


def classes(source: Any) -> Arrays:
    """Return the table with three classes, as numbers."""
    x, y = table(source)
    return x, np.digitize(y[:, 0], [-0.4, 0.4]).astype("int32")


def one_hot(source: Any) -> Arrays:
    """Return the table with three classes, a column each."""
    x, y = classes(source)
    return x, np.eye(3, dtype="float32")[y]


def images(_: Any, rows: int = 200, size: int = 12) -> Arrays:
    """Return grey images of a bright stroke in one of three directions, and the direction."""
    rng = np.random.default_rng(2)
    x = rng.uniform(0.0, 0.4, (rows, size, size, 1)).astype("float32")
    y = rng.integers(0, 3, rows).astype("int32")
    for image, kind in zip(x, y, strict=True):
        at, along = rng.integers(2, size - 2), np.arange(size)
        image[along if kind else at, along if kind == 2 else at if kind else along] += 0.6
    return x, y


def series(_: Any, rows: int = 400, steps: int = 16, channels: int = 3) -> Arrays:
    """Return waves of several channels, and whether the first one's frequency is high."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, rows).astype("int32")
    pace = (0.5 + 0.4 * y)[:, None, None] * np.arange(steps)[None, :, None]
    x = np.sin(pace + rng.uniform(0, 6.0, (rows, 1, channels)))
    return (x + 0.3 * rng.normal(size=x.shape)).astype("float32"), y


def tokens(_: Any, rows: int = 400, steps: int = 12, words: int = 50) -> Arrays:
    """Return word numbers, 0 behind the end of a sentence, and a class that the words tell."""
    rng = np.random.default_rng(4)
    x = rng.integers(1, words, (rows, steps)).astype("int32")
    x[np.arange(steps)[None] >= rng.integers(3, steps + 1, rows)[:, None]] = 0
    good = (np.where(x == 0, 0, np.sign(x - words / 2))).sum(axis=1)
    return x, (good > 0).astype("int32")
