"""The choice of an average's nets: what holds whatever they predict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from objectives.judging.choosing import Predicted, choose, greedy, held_out, likely, without

ROWS = 40


def made(seed: int, nets: int, outputs: int = 1, labels: Any = None) -> Predicted:
    """Return nets of unlike quality that predict a number; the loss is the squared error."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((ROWS, outputs))
    noise = rng.standard_normal((nets, ROWS, outputs)) * rng.uniform(0.1, 2.0, (nets, 1, 1))
    said = (truth + noise).astype(np.float32)
    truth = truth if labels is None else labels
    return Predicted(
        said,
        lambda p, rows: ((p - truth[rows]) ** 2).mean(axis=-1),
        rng.uniform(0.5, 2.0, ROWS),
    )


CASES = given(
    seed=st.integers(0, 10_000),
    nets=st.integers(2, 12),
    most=st.integers(2, 6),
    outputs=st.just(2),
)


@CASES
def test_weights_are_shares_of_at_most_so_many_nets(
    seed: int, nets: int, most: int, outputs: int
) -> None:
    predicted = made(seed, nets, outputs)
    for weights in (
        choose(predicted, predicted.every, most),
        greedy(predicted, predicted.every, most),
    ):
        assert weights.sum() == pytest.approx(1.0)
        assert np.all(weights >= 0.0)
        assert 1 <= np.count_nonzero(weights) <= most


@CASES
def test_an_average_is_no_worse_than_its_nets_are_on_average(
    seed: int, nets: int, most: int, outputs: int
) -> None:
    """By Jensen's inequality, as the loss is convex; whatever rows have chosen."""
    predicted = made(seed, nets, outputs)
    every = predicted.every
    weights = choose(predicted, every[::2], most)
    mean = predicted.mean(predicted.averaged(weights, every)[None], every)[0]
    assert mean <= weights @ predicted.losses(every) + 1e-6


@CASES
def test_a_greedy_choice_is_never_worse_than_the_best_net_on_its_rows(
    seed: int, nets: int, most: int, outputs: int
) -> None:
    predicted = made(seed, nets, outputs)
    rows = predicted.every[: ROWS // 2]
    weights = greedy(predicted, rows, most)
    mean = predicted.mean(predicted.averaged(weights, rows)[None], rows)[0]
    assert mean <= predicted.losses(rows).min() + 1e-6


@example(seed=8210, nets=4, most=3, outputs=2)
@CASES
def test_the_order_of_the_nets_does_not_matter(
    seed: int, nets: int, most: int, outputs: int
) -> None:
    predicted = made(seed, nets, outputs)
    order = np.random.default_rng(seed).permutation(nets)
    turned = Predicted(predicted.nets[order], predicted.loss, predicted.weights)
    np.testing.assert_allclose(
        choose(turned, turned.every, most), choose(predicted, predicted.every, most)[order]
    )


@given(seed=st.integers(0, 1000), row=st.integers(0, ROWS - 1))
def test_a_row_is_judged_by_an_average_that_its_label_did_not_choose(seed: int, row: int) -> None:
    """Another label of the row leaves what is predicted of it as it was."""
    rng = np.random.default_rng(seed)
    labels = rng.standard_normal((ROWS, 1))
    other = labels.copy()
    other[row] += 100.0
    found = []
    for truth in (labels, other):
        predicted = made(seed, 5, labels=truth)
        said, gaps = held_out(
            predicted,
            lambda rows, p=predicted: choose(p, rows, 3),
            np.eye(5)[predicted.losses(predicted.every).argmin()],
        )
        assert len(gaps) == ROWS
        found.append(said[row])
    np.testing.assert_array_equal(*found)


def test_rows_without_weight_do_not_choose() -> None:
    predicted = made(3, 6)
    heavy = predicted.every[:20]
    weights = np.where(np.arange(ROWS) < 20, 1.0, 0.0)
    part = Predicted(predicted.nets, predicted.loss, weights)
    alone = Predicted(predicted.nets, predicted.loss, np.ones(ROWS))
    np.testing.assert_allclose(greedy(part, part.every, 6), greedy(alone, heavy, 6))


def test_what_a_net_adds_is_the_loss_without_it() -> None:
    predicted = made(5, 4)
    every, weights = predicted.every, np.array([0.5, 0.5, 0.0, 0.0])
    whole = predicted.row_losses(weights, every) @ predicted.weights / predicted.weights.sum()
    alone = predicted.losses(every)[1]
    assert without(predicted, every, weights, 0) == pytest.approx(alone - whole, abs=1e-6)
    assert without(predicted, every, np.eye(4)[2], 2) == 0.0


def test_rows_that_cannot_tell_nets_apart_weigh_them_alike() -> None:
    """Two nets that are as good, and one that is worse by half a standard deviation of a row."""
    rng = np.random.default_rng(0)
    losses = rng.standard_normal((3, 4000)) + np.array([[0.0], [0.0], [0.5]])

    def weights(rows: int) -> Any:
        nets = losses[:, :rows, None]
        predicted = Predicted(nets, lambda p, _: p[..., 0], np.ones(rows))
        return likely(predicted, predicted.every)

    few, many = weights(10), weights(4000)
    assert few.min() > 0.05
    assert many[2] < 1e-6
    assert many[:2].min() > 0.02


def test_nets_that_predict_the_same_weigh_the_same() -> None:
    predicted = made(2, 1)
    same = Predicted(np.repeat(predicted.nets, 3, axis=0), predicted.loss, predicted.weights)
    np.testing.assert_allclose(likely(same, same.every), 1.0 / 3.0)
    np.testing.assert_allclose(likely(same, same.every[:1]), 1.0 / 3.0)


def test_rows_without_weight_tell_nothing_of_how_likely_a_net_is() -> None:
    predicted = made(3, 6)
    weights = np.where(np.arange(ROWS) < 20, 1.0, 0.0)
    part = Predicted(predicted.nets, predicted.loss, weights)
    alone = Predicted(predicted.nets, predicted.loss, np.ones(ROWS))
    np.testing.assert_allclose(likely(part, part.every), likely(alone, alone.every[:20]))


def test_few_rows_weigh_nets_more_alike_than_many() -> None:
    """The more rows, the fewer nets have most of the weight."""
    predicted = made(1, 8)
    few, many = predicted.every[:10], np.tile(predicted.every[:10], 200)
    spread = [(choose(predicted, rows, 8) ** 2).sum() for rows in (few, many)]
    assert spread[0] < spread[1]
