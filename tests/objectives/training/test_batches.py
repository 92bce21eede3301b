"""Order and weights of rows; files that are whole or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import Part
from objectives.training.batches import arrays, order
from objectives.training.progress import load_weights, replace, save_weights

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 1000), st.integers(1, 200), st.floats(0.01, 1.0))
def test_an_epoch_takes_every_row_of_its_share_once(
    seed: int, epoch: int, rows: int, share: float
) -> None:
    taken = order(seed, epoch, rows, share)
    assert len(taken) == max(1, round(share * rows))
    assert len(set(taken)) == len(taken)
    assert set(taken) <= set(range(rows))
    assert list(taken) == list(order(seed, epoch, rows, share))
    assert set(taken) == set(order(seed, epoch + 1, rows, share))


def test_seeds_and_epochs_differ_in_their_order() -> None:
    orders = {tuple(order(seed, epoch, 50)) for seed in range(5) for epoch in range(1, 5)}
    assert len(orders) == 20
    halves = {frozenset(order(seed, 1, 50, 0.5)) for seed in range(5)}
    assert len(halves) == 5


@pytest.mark.parametrize(
    "y", [np.array([0, 1, 2, 1]), np.array([[0.0], [1], [2], [1]]), np.eye(3)[[0, 1, 2, 1]]]
)
def test_weights_of_classes_and_rows_multiply(y: np.ndarray) -> None:
    pytest.importorskip("keras")
    part = Part(np.zeros((4, 2)), y, np.array([1.0, 2.0, 3.0, 4.0]))
    x, labels, weight = arrays(part, {0: 0.5, 1: 10.0})
    assert x.dtype == weight.dtype == np.float32
    assert labels.shape == y.shape
    np.testing.assert_allclose(weight, [0.5, 20.0, 3.0, 40.0])
    np.testing.assert_array_equal(arrays(part)[2], part.sample_weight)
    assert len(arrays(Part(part.x, y))) == 2


def test_weights_come_back_in_order(tmp_path: Path) -> None:
    kept = [np.full(3, i, np.float32) for i in range(12)]
    save_weights(tmp_path / "new" / "w.npz", kept)
    for one, other in zip(kept, load_weights(tmp_path / "new" / "w.npz"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "model.txt"
    replace(place, lambda file: file.write_text("old"))

    def fail(file: Path) -> None:
        file.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace(place, fail)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("model.txt", "old")]
