"""How predictions are judged: scores of each kind of task, also of resampled rows.

A judge is a function of row weights, so that a bootstrap resample (a row drawn twice weighs two)
costs no sorting. Scores that a part cannot give are left out: no AUC of one class alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Judge = Callable[[Floats], dict[str, float]]


BINS = 10  # of predicted chances


def judge(labels: NDArray[Any], predictions: NDArray[Any], task: str) -> Judge:
    """Return the judge of one model's predictions.

    task: "binary" (predictions: chances of class 1), "multiclass" (rows x classes) or
    "regression" (numbers, in the labels' unit). labels: one a row, or one column a class.
    """
    labels = numbers_of(labels)
    if task == "regression":
        return _regression(labels, predictions.ravel())
    if task == "binary":
        chance = predictions.ravel().astype(np.float64)
        predictions = np.stack([1.0 - chance, chance], axis=1)
        # Exactly one half is class 0, as Keras's accuracy has it; argmax agrees.
    return _classes(labels.astype(np.int64), predictions)


def numbers_of(labels: NDArray[Any]) -> NDArray[Any]:
    """Return one label a row, of one column a class too."""
    rows = np.asarray(labels)
    if rows.ndim == 2 and rows.shape[1] > 1:
        numbers: NDArray[np.int64] = np.argmax(rows, axis=1)
        return numbers
    return rows.ravel()


def scores(labels: NDArray[Any], predictions: NDArray[Any], task: str) -> dict[str, float]:
    """Return accuracy, balanced_accuracy, brier, calibration_error, auc; or mae, rmse and r2."""
    return judge(labels, predictions, task)(np.ones(len(labels)))


def _classes(labels: NDArray[np.int64], chances: NDArray[Any]) -> Judge:
    classes = chances.shape[1]
    right = chances.argmax(axis=1) == labels
    squares = _squares(labels, chances)
    bins = reliability_bins(*shown_chances(labels, chances))
    # Two classes have one curve; more have one each, against the rest.
    curves = [
        _curve(labels == k, chances[:, k]) for k in range(classes)[1 if classes == 2 else 0 :]
    ]

    def judged(weights: Floats) -> dict[str, float]:
        there = np.bincount(labels, weights, classes)
        hit = np.bincount(labels, weights * right, classes)
        seen = there > 0
        found = {
            "accuracy": float(hit.sum() / there.sum()),
            "balanced_accuracy": float((hit[seen] / there[seen]).mean()),
            "brier": float((weights * squares).sum() / weights.sum()),
            "calibration_error": bins.error(weights),
        }
        areas = [area for area in (curve(weights) for curve in curves) if area is not None]
        return found | ({"auc": float(np.mean(areas))} if areas else {})

    return judged


def _squares(labels: NDArray[np.int64], chances: NDArray[Any]) -> Floats:
    """Return each row's part of the Brier score: of two classes the positive one's alone."""
    off = np.asarray(chances, np.float64).copy()
    off[np.arange(len(labels)), labels] -= 1.0
    found: Floats = (off**2).sum(axis=1)
    return found / 2.0 if chances.shape[1] == 2 else found


def shown_chances(labels: NDArray[Any], chances: NDArray[Any]) -> tuple[Floats, NDArray[Any]]:
    """Return what is said and whether it came true: of class 1, of more the likeliest class."""
    if chances.shape[1] == 2:
        return np.asarray(chances[:, 1], np.float64), labels == 1
    return np.asarray(chances.max(axis=1), np.float64), chances.argmax(axis=1) == labels


@dataclass(frozen=True)
class Bins:
    """Rows by their predicted chance, in ten bins of equal width."""

    said: Floats
    true: NDArray[Any]
    place: NDArray[np.int64]

    def error(self, weights: Floats) -> float:
        """Return the expected calibration error: the mean gap between said and seen, by rows."""
        _, said, seen = self.sums(weights)
        return float(np.abs(said - seen).sum() / weights.sum())

    def sums(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Return each bin's weight, and its sums of predicted chances and of true rows."""
        parts = (weights, weights * self.said, weights * self.true)
        rows, said, seen = (
            np.bincount(self.place, part, BINS).astype(np.float64) for part in parts
        )
        return rows, said, seen


def reliability_bins(said: Floats, true: NDArray[Any]) -> Bins:
    """Return the bins of predicted chances."""
    place = np.minimum((np.nan_to_num(said) * BINS).astype(np.int64), BINS - 1)
    return Bins(said, true, place)


def reliability(labels: NDArray[Any], predictions: NDArray[Any]) -> list[dict[str, float]]:
    """Return the reliability curve: rows, mean predicted probability and observed share."""
    chances = np.asarray(predictions, np.float64)
    if chances.ndim == 1 or chances.shape[1] == 1:
        chances = np.stack([1.0 - chances.ravel(), chances.ravel()], axis=1)
    bins = reliability_bins(*shown_chances(numbers_of(labels).astype(np.int64), chances))
    return [
        {"rows": float(rows), "said": float(said / rows), "seen": float(seen / rows)}
        for rows, said, seen in zip(*bins.sums(np.ones(len(bins.said))), strict=True)
        if rows
    ]


def _curve(positive: NDArray[np.bool_], chance: NDArray[Any]) -> Callable[[Floats], float | None]:
    """Return the area under the ROC curve as a function of weights; ties count one half."""
    _, place = np.unique(chance, return_inverse=True)
    size = int(place.max()) + 1

    def area(weights: Floats) -> float | None:
        ones = np.bincount(place, weights * positive, size)
        zeros = np.bincount(place, weights * ~positive, size)
        pairs = ones.sum() * zeros.sum()
        if pairs == 0.0:
            return None
        return float((ones * (np.cumsum(zeros) - zeros / 2.0)).sum() / pairs)

    return area


def auc(positive: NDArray[np.bool_], chance: NDArray[Any]) -> float | None:
    """Return the area under the ROC curve, None where one class is missing."""
    return _curve(positive, chance)(np.ones(len(positive)))


def _regression(labels: NDArray[Any], predictions: NDArray[Any]) -> Judge:
    truth = labels.astype(np.float64)
    error = predictions.astype(np.float64) - truth

    def judged(weights: Floats) -> dict[str, float]:
        total = weights.sum()
        mean = (weights * truth).sum() / total
        spread = float((weights * (truth - mean) ** 2).sum() / total)
        square = float((weights * error**2).sum() / total)
        found = {"mae": float((weights * np.abs(error)).sum() / total), "rmse": square**0.5}
        return found | ({"r2": 1.0 - square / spread} if spread > 0.0 else {})

    return judged
