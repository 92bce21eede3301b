"""Which nets an average is made of, and with which weights: chosen by their loss on given rows.

How it is chosen, and that it is chosen this way, was read off `benchmarks/averages`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]
    # Predictions (nets x rows x outputs) and which rows these are -> losses (nets x rows).
    Loss = Callable[[NDArray[Any], Rows], Floats]

ROWS = 400  # that choose, by which the greedy weights and the likely ones count alike
ENOUGH = 10_000  # rows: more of them choose the same, and take longer
LIGHTEST = 0.02  # a net with less weight costs as much as any, and hardly tells
FOLDS = 5
STEPS = 20  # of the greedy choice: a weight is a multiple of a twentieth


@dataclass(frozen=True)
class Predicted:
    """What nets predict of the same rows. weights: of the rows."""

    nets: NDArray[Any]  # nets x rows x outputs
    loss: Loss
    weights: Floats

    @property
    def every(self) -> Rows:
        """All rows."""
        return np.arange(self.nets.shape[1])

    def losses(self, rows: Rows) -> Floats:
        """Return every net's mean loss on some rows."""
        return self.mean(self.nets[:, rows], rows)

    def mean(self, predictions: NDArray[Any], rows: Rows) -> Floats:
        """Return the mean loss of each of these predictions."""
        found = self.loss(predictions, rows) @ self.weights[rows]
        return np.asarray(found / self.weights[rows].sum())

    def row_losses(self, weights: Floats, rows: Rows) -> Floats:
        """Return the weighted average's loss on each of these rows."""
        return np.asarray(self.loss(self.averaged(weights, rows)[None], rows)[0])

    def averaged(self, weights: Floats, rows: Rows) -> NDArray[Any]:
        """Return what the weighted average of the nets predicts of some rows."""
        used = np.flatnonzero(weights)
        return np.tensordot(weights[used], self.nets[used][:, rows], 1).astype(self.nets.dtype)


def likely(predicted: Predicted, rows: Rows) -> Floats:
    """Return weights by how likely each net is as good as the best one on other rows.

    Nets are compared with the one that has the lowest loss on these rows, row by row: the mean
    difference by its standard error. So rows that cannot tell nets apart give them equal weights,
    and rows that can leave the best one alone.
    """
    from scipy.special import ndtr

    losses, of = predicted.loss(predicted.nets[:, rows], rows), predicted.weights[rows]
    gaps = losses - losses[np.argmin(losses @ of)]
    mean = gaps @ of / of.sum()
    # Unequal weights tell less than as many rows of equal ones (Kish).
    count = max(float(of.sum() ** 2 / (of**2).sum()), 2.0)
    error = np.sqrt((gaps - mean[:, None]) ** 2 @ of / of.sum() / (count - 1.0))
    chances: Floats = ndtr(-mean / np.maximum(error, np.finfo(float).tiny))
    return np.asarray(chances / chances.sum())


def greedy(predicted: Predicted, rows: Rows, most: int, steps: int = STEPS) -> Floats:
    """Return the weights of a greedy choice with replacement on these rows.

    Each step adds the net that makes the average best; the best of all steps is taken. Caruana
    et al., "Ensemble Selection from Libraries of Models", ICML 2004.
    """
    own = predicted.nets[:, rows]
    counts = np.zeros(len(own))
    total = np.zeros(own.shape[1:], np.float64)
    best, found = np.inf, counts
    for step in range(1, steps + 1):
        full = np.count_nonzero(counts) >= most
        open_ = np.flatnonzero(counts) if full else np.arange(len(own))
        tried = predicted.mean((total + own[open_]) / step, rows)
        pick = int(open_[np.argmin(tried)])
        counts[pick] += 1.0
        total += own[pick]
        if tried.min() < best:
            best, found = float(tried.min()), counts / step
    return found


def choose(predicted: Predicted, rows: Rows, most: int) -> Floats:
    """Return the weights of the average of at most so many nets.

    They lie between those by how likely a net is as good as the best and greedy ones: the more
    rows choose, the nearer to the greedy ones, which overfit a few rows.
    """
    share = len(rows) / (len(rows) + ROWS)
    if len(rows) > ENOUGH:
        rows = np.sort(np.random.default_rng(0).choice(rows, ENOUGH, replace=False))
    found: Floats = share * greedy(predicted, rows, most)
    found += (1.0 - share) * likely(predicted, rows)
    heaviest = np.lexsort((predicted.losses(rows), -found))[:most]  # of a tie, the better net
    kept: Floats = np.zeros(len(found))
    kept[heaviest] = found[heaviest]
    kept[kept < LIGHTEST] = 0.0
    return np.asarray(kept / kept.sum())


def held_out(
    predicted: Predicted, way: Callable[[Rows], Floats], single: Floats
) -> tuple[NDArray[Any], Floats]:
    """Return what averages predict of rows that had no part in the choice of their nets.

    Each fifth of the rows is judged by an average that was chosen on the others.

    Args:
        predicted: What the nets predict.
        way: Chooses on some rows.
        single: The weights that leave one net alone, with which each average is compared.

    Returns:
        The predictions, and each row's loss minus that of the single net.
    """
    order = np.random.default_rng(0).permutation(predicted.nets.shape[1])
    found = np.zeros(predicted.nets.shape[1:], predicted.nets.dtype)
    gaps = np.zeros(len(order))
    for fold in range(min(FOLDS, len(order))):
        judges = np.sort(order[fold::FOLDS])
        weights = way(np.sort(np.delete(order, np.s_[fold::FOLDS])))
        found[judges] = predicted.averaged(weights, judges)
        gaps[judges] = predicted.row_losses(weights, judges)
        gaps[judges] -= predicted.row_losses(single, judges)
    return found, gaps


def without(predicted: Predicted, rows: Rows, weights: Floats, place: int) -> float:
    """Return how much worse an average's mean loss is without one of its nets, 0 for its last."""
    others = weights * (np.arange(len(weights)) != place)
    if not others.any():
        return 0.0
    pair = [predicted.averaged(one, rows) for one in (others / others.sum(), weights)]
    less, whole = predicted.mean(np.stack(pair), rows)
    return float(less - whole)
