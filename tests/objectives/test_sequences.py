"""Sequences of equal and unequal length, with gaps, from arrays and long tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from objectives import Data, Source
from objectives.sequences import MASK_VALUE, load_sequences
from objectives.tables import describe

ROWS, STEPS = 90, 8


def waves(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows x steps x 2 channels of very different scale, labels and lengths."""
    rng = np.random.default_rng(seed)
    y = np.arange(ROWS) % 3
    x = rng.normal(size=(ROWS, STEPS, 2)) + y[:, None, None]
    return x * [1e-6, 1e5] + [0.0, 1e6], y, rng.integers(3, STEPS + 1, ROWS)


def load(folder: Path, options: dict[str, Any] | None = None, **arrays: Any) -> Data:
    np.savez(folder / "s.npz", **arrays)
    return load_sequences(Source(path=str(folder / "s.npz"), options=options or {}))


def test_channels_are_standardized_by_the_training_rows(tmp_path: Path) -> None:
    x, y, _ = waves()
    data = load(tmp_path, X=x, y=y)
    assert data.train.x.shape == (54, STEPS, 2)
    assert data.train.x.dtype == np.float32
    assert data.train.y.dtype == np.int32
    np.testing.assert_allclose(data.train.x.mean(axis=(0, 1)), 0.0, atol=1e-4)
    np.testing.assert_allclose(data.train.x.std(axis=(0, 1)), 1.0, atol=1e-3)
    assert data.details["classes"] == ["0", "1", "2"]
    assert "masked" not in data.details
    json.dumps([data.details, data.preprocessing], allow_nan=False)


def test_the_end_of_a_short_series_is_masked(tmp_path: Path) -> None:
    x, y, length = waves()
    ended = np.where(np.arange(STEPS)[None, :, None] < length[:, None, None], x, np.nan)
    by_length = load(tmp_path, X=np.nan_to_num(x), y=y, length=length)
    by_nan = load(tmp_path, X=ended, y=y)
    assert by_length.digest == by_nan.digest
    assert by_nan.details["masked"] is True
    assert by_nan.details["mask_value"] == MASK_VALUE
    masked = (by_nan.train.x == MASK_VALUE).all(axis=2)
    steps = STEPS - masked.sum(axis=1)
    assert steps.min() >= 3
    assert steps.max() == STEPS
    assert (np.diff(masked.astype(int), axis=1) >= 0).all()  # nothing follows the end
    kept = by_nan.train.x[~masked]
    np.testing.assert_allclose(kept.mean(axis=0), 0.0, atol=1e-4)
    np.testing.assert_allclose(kept.std(axis=0), 1.0, atol=1e-3)


def test_a_gap_has_an_indicator_and_no_nan(tmp_path: Path) -> None:
    x, y, _ = waves()
    x[:, 2, 1] = np.nan
    data = load(tmp_path, X=x, y=y)
    assert data.train.x.shape[2] == 3
    assert np.isfinite(data.train.x).all()
    assert (data.train.x[:, :, 2] == (np.arange(STEPS) == 2)).all()
    np.testing.assert_array_equal(data.train.x[:, 2, 1], 0.0)
    assert "indicator" in {row[0]: row[2] for row in describe(data)}["x1"]


def test_one_channel_may_come_without_its_axis(tmp_path: Path) -> None:
    x, y, _ = waves()
    data = load(tmp_path, X=x[:, :, 0], y=np.where(y == 0, "rest", "walk"))
    assert data.train.x.shape[1:] == (STEPS, 1)
    assert data.source.positive == data.details["classes"][1] == "rest"


def test_groups_and_weights(tmp_path: Path) -> None:
    x, _, _ = waves()
    person = np.arange(ROWS) // 3
    y = (person % 9 == 0).astype(int)
    np.savez(tmp_path / "s.npz", X=x, y=y, person=person)
    options = {"weights": "balanced"}
    data = load_sequences(Source(path=str(tmp_path / "s.npz"), group="person", options=options))
    assert data.source.split["group"] == "person"
    assert data.class_weight is not None
    assert data.class_weight[1] > data.class_weight[0]


def long_table() -> pd.DataFrame:
    x, y, length = waves()
    return pd.DataFrame(
        {
            "run": f"r{i}",
            "t": t,
            "a": x[i, t, 0],
            "b": x[i, t, 1],
            "kind": f"k{y[i]}",
            "note": "-x",
        }
        for i in range(ROWS)
        for t in range(length[i])
    )


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_long_table_is_the_same_as_its_array(tmp_path: Path, shuffled: bool) -> None:
    frame = long_table()
    if shuffled:
        frame = frame.sample(frac=1, random_state=0)
    first = frame["run"].drop_duplicates()
    frame.to_csv(tmp_path / "long.csv", index=False)
    source = Source(
        path=str(tmp_path / "long.csv"), target="kind", options={"id": "run", "time": "t"}
    )
    data = load_sequences(source)
    x, y, length = waves()
    order = first.str[1:].astype(int).to_numpy()
    array = load(tmp_path, X=x[order], y=[f"k{k}" for k in y[order]], length=length[order])
    np.testing.assert_allclose(data.train.x, array.train.x, atol=1e-4)
    np.testing.assert_array_equal(data.train.y, array.train.y)
    lines = {name: what for name, what, _ in describe(data)}
    assert lines == {
        "kind": "target",
        "run": "series",
        "t": "time",
        "a": "channel",
        "b": "channel",
        "note": "left out",
    }


def test_two_classes_and_numbers_have_the_same_inputs(tmp_path: Path) -> None:
    frame = long_table()
    of_run = frame.groupby("run")["a"].transform("mean")
    frame["size"] = (5e3 + 1e9 * of_run).where(
        frame["run"] != "r4"
    )  # in its own unit; one is empty
    frame["large"] = np.where(of_run > 0, "yes", "no")
    frame.to_csv(tmp_path / "long.csv", index=False)

    def read(target: str, other: str, task: str) -> Data:
        options = {"id": "run", "time": "t", "ignore": ["kind", other]}
        path = str(tmp_path / "long.csv")
        return load_sequences(Source(path, target, time_order=True, options=options), task)

    numbers, binary = read("size", "large", "regression"), read("large", "size", "binary")
    assert numbers.details["task"] == "regression"
    assert "classes" not in numbers.details
    assert (numbers.train.y.dtype, binary.train.y.dtype) == (np.float32, np.float32)
    per_run = frame.drop_duplicates("run")["size"].dropna()
    found = np.concatenate([part.y for part in (numbers.train, numbers.validation, numbers.test)])
    np.testing.assert_allclose(found, per_run, rtol=1e-6)
    assert (binary.shape[0], numbers.shape[0]) == (ROWS, ROWS - 1)
    assert binary.source.positive == "yes"
    assert set(binary.train.y) == {0.0, 1.0}
    assert binary.preprocessing is not None
    assert binary.preprocessing["channels"] == ["a", "b"]
